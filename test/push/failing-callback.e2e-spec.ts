import { shortHash } from '../../src/common/short-hash.js';
import { ProcessScene, call, eventually } from '../helpers/process-scene.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { API } from './push-stage.js';
import { Receiver } from './receiver.js';

describe('a callback that fails', () => {
  let scene: ProcessScene;
  let receiver: Receiver;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    scene = await ProcessScene.open('sqlite', { PUSH_ALLOWED_HOSTS: '127.0.0.1' });
    receiver = await Receiver.start();
    gateway = await scene.start();
  });
  afterEach(async () => {
    await scene.close();
    await receiver.stop();
  });

  const post = async (path: string, body: object) => {
    const reply = await call(gateway, 'POST', API + path, { as: 'publish', body });
    expect(reply).toMatchObject({ status: 200 });
    return reply;
  };
  const health = async () => {
    const { body } = await call(gateway, 'GET', '/health', { as: 'admin' });
    return (body['details'] as Record<string, object>)['push'];
  };

  it('is named in the log and in /health from its first failure on, and when it works again', async () => {
    receiver.answer = (_, response) => response.writeHead(503).end('{"told":"customer-secret"}');
    const subscription = await post('/subscription', {
      subscriberId: 'subscriber-of-a-name',
      filter: 'orders.*',
      notificationDetails: { type: 'httpcb', deviceId: `${receiver.origin}/callback?key=query-secret` },
    });
    await post('/publish', { tag: 'orders.new', message: 'message-secret' });
    const failing = await gateway.logged(({ msg }) => msg === 'a destination: failing');
    const named = {
      sink: 'push',
      destination: receiver.origin,
      subscription: subscription.body['id'],
      subscriber: shortHash('subscriber-of-a-name'),
    };
    expect(failing).toMatchObject({
      level: 'warn',
      ...named,
      code: 'push.http-503',
      cause: 'the receiver answered 503',
    });
    expect(await health()).toMatchObject({
      status: 'degraded',
      backlog: 1,
      failing: 1,
      lastError: { code: 'push.http-503', destination: receiver.origin, at: expect.stringContaining('T') },
    });
    receiver.answer = (_, response) => response.end();
    expect(await gateway.logged(({ msg }) => msg === 'a destination: works again')).toMatchObject(named);
    await eventually(async () => JSON.stringify(await health()).includes('"backlog":0'));
    expect(await health()).toMatchObject({ status: 'up', failing: 0 });
    expect(JSON.stringify(gateway.logs)).not.toMatch(/secret|subscriber-of/);
  });
});
