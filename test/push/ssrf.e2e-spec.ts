import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { urlsAt } from '../../src/push/outbound/testing/ssrf-corpus.js';
import { PushStage } from './push-stage.js';

/** Every way to name what is not public, at every place where a caller can; a canary listens on all addresses. */
describe('callbacks that a caller asks for', () => {
  let stage: PushStage;
  let canary: Server;
  let sung = 0;
  let urls: string[];

  beforeAll(async () => {
    canary = createServer((socket) => {
      sung++;
      socket.on('error', () => undefined).destroy();
    });
    canary.listen(0, '::');
    await once(canary, 'listening');
    urls = urlsAt((canary.address() as AddressInfo).port);
    stage = await PushStage.start({ PUSH_ALLOWED_HOSTS: 'allowed.test' });
  });

  afterAll(async () => {
    await stage.stop();
    await new Promise((resolve) => canary.close(resolve));
  });

  afterEach(() => expect(sung).toBe(0));

  const details = (deviceId: string): object => ({ notificationDetails: { type: 'httpcb', deviceId } });

  it('are refused when they are subscribed', async () => {
    for (const url of urls) {
      const answer = await stage.post('/subscription', stage.subscription('ssrf.*', details(url)));
      expect([url, answer]).toMatchObject([url, { status: 400 }]);
      expect(answer.text).toContain('notificationDetails.deviceId');
    }
    expect((await stage.published('ssrf.none')).matched).toBe(0);
  });

  it('are refused when they are named by an event', async () => {
    for (const url of urls) {
      const answer = await stage.post('/publish', { tag: 'ssrf.direct', message: 'x', ...details(url) });
      expect([url, answer]).toMatchObject([url, { status: 400 }]);
    }
  });

  it('are refused when they are due, though they were subscribed', async () => {
    const ids: string[] = [];
    // PostgreSQL and the Notification API hold no U+0000.
    for (const url of urls.filter((text) => !text.includes('\u0000'))) {
      const id = await stage.subscribed('due.*', details('http://allowed.test/'));
      await stage.database.db.updateTable('push_subscriptions').set({ device_id: url }).where('id', '=', id).execute();
      ids.push(id);
    }
    expect((await stage.published('due.now', 'x')).matched).toBe(ids.length);
    for (const id of ids) {
      const [delivery] = await stage.settled(id);
      expect(delivery).toMatchObject({ state: 'dead', attempts: 1, last_error_code: 'push.device-invalid' });
    }
    expect(ids.length).toBeGreaterThan(150);
  });
});
