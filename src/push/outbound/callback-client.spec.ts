import { testConfig } from '../../config/testing/test-config.js';
import { AddressPolicy } from './address-policy.js';
import { CallbackClient } from './callback-client.js';
import type { CallbackAnswer, CallbackRequest } from './callback-client.js';
import { NameResolver } from './name-resolver.js';
import { FakeNames } from './testing/fake-names.js';
import { Receiver } from './testing/receiver.js';

const NEVER = new AbortController().signal;

describe('CallbackClient', () => {
  let receiver: Receiver;
  const clients: CallbackClient[] = [];

  beforeEach(async () => {
    receiver = await Receiver.listen();
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.onApplicationShutdown()));
    await receiver.close();
  });

  function clientOf(env: Record<string, string> = {}, names: NameResolver = new FakeNames({ '*': [['127.0.0.1']] })) {
    const config = testConfig({ PUSH_ALLOWED_HOSTS: '127.0.0.1,*.many.test', ...env });
    const client = new CallbackClient(config, new AddressPolicy(config), names);
    clients.push(client);
    return client;
  }

  const requestTo = (url: string, more: Partial<CallbackRequest> = {}): CallbackRequest => ({
    url: new URL(url),
    headers: {},
    body: '',
    urlFrom: 'caller',
    ...more,
  });
  const post = (client: CallbackClient, url = receiver.url, signal = NEVER): Promise<CallbackAnswer> =>
    client.post(requestTo(url), signal);

  it('posts body and headers to path and query, and leaves the fragment out', async () => {
    const request = requestTo(`${receiver.url}/a%20b?c=d#e`, { headers: { 'x-test': '1' }, body: '{"a":"é"}' });
    expect(await clientOf().post(request, NEVER)).toEqual({ kind: 'answered', status: 200 });
    expect(receiver.requests).toMatchObject([
      { method: 'POST', url: '/a%20b?c=d', body: '{"a":"é"}', headers: { 'x-test': '1', 'content-length': '10' } },
    ]);
  });

  it('uses connections again, and ends them at the shutdown', async () => {
    const client = clientOf();
    for (let i = 0; i < 20; i++) await post(client);
    // The pool takes a second one when the first has not quite finished its answer.
    expect(receiver.connections).toBeLessThanOrEqual(2);
    expect(client.connections).toBe(receiver.connections);
    await client.onApplicationShutdown();
    expect(client.connections).toBe(0);
  });

  it('hands on any status, and Retry-After', async () => {
    const client = clientOf();
    for (const status of [201, 204, 302, 400, 410, 503]) {
      receiver.answer = (response) => void response.writeHead(status).end();
      expect(await post(client)).toEqual({ kind: 'answered', status });
    }
    receiver.answer = (response) => void response.writeHead(429, { 'retry-after': '3' }).end();
    expect(await post(client)).toEqual({ kind: 'answered', status: 429, retryAfterMs: 3_000 });
  });

  it('gives up at the deadline: before the answer, within its body, and while a name is looked up', async () => {
    class SilentNames extends FakeNames {
      override publicAddresses(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const timeout = { kind: 'failed', code: 'push.timeout' };
    const client = clientOf({ PUSH_TIMEOUT_MS: '100' }, new SilentNames());
    receiver.answer = () => undefined;
    expect(await post(client)).toMatchObject(timeout);
    receiver.answer = (response) => void response.writeHead(200).write('{');
    expect(await post(client)).toMatchObject(timeout);
    expect(await post(client, 'http://silent.example/')).toMatchObject(timeout);
  });

  it('gives up at the deadline when the body comes in drops', async () => {
    const client = clientOf({ PUSH_TIMEOUT_MS: '150' });
    receiver.answer = (response) => {
      response.writeHead(200);
      const drops = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drops));
    };
    expect(await post(client)).toMatchObject({ kind: 'failed', code: 'push.timeout' });
  });

  it('reads no more than 64 KiB of an endless answer, and takes its status', async () => {
    const chunk = 'x'.repeat(16_384);
    let sent = 0;
    receiver.answer = (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent++;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(await post(clientOf())).toEqual({ kind: 'answered', status: 200 });
    expect(sent).toBeLessThan(2_000);
  });

  it('tells what stood in the way, without the URL', async () => {
    receiver.answer = (response) => void response.socket?.destroy();
    const client = clientOf();
    expect(await post(client, `${receiver.url}/secret`)).toEqual({
      kind: 'failed',
      code: 'push.unreachable',
      message: 'the receiver cannot be reached: UND_ERR_SOCKET',
    });
    expect(await post(client, 'http://127.0.0.1:9/secret')).toMatchObject({
      message: 'the receiver cannot be reached: ECONNREFUSED',
    });
    expect(await post(clientOf({}, new FakeNames()), 'http://nobody.example/')).toMatchObject({
      message: 'the receiver cannot be reached: ENOTFOUND',
    });
    // Nobody there speaks TLS.
    expect(await post(client, `https://127.0.0.1:${receiver.port}/`)).toMatchObject({ code: 'push.unreachable' });
  });

  it('does not try again what can never be sent', async () => {
    const request = requestTo(receiver.url, { headers: { authorization: 'a\r\nb' } });
    expect(await clientOf().post(request, NEVER)).toMatchObject({ kind: 'not-allowed', code: 'push.request-invalid' });
    expect(receiver.connections).toBe(0);
  });

  it('ends at once when it is aborted', async () => {
    const stopping = new AbortController();
    receiver.answer = () => stopping.abort();
    const stopped = { kind: 'failed', code: 'push.stopped' };
    expect(await post(clientOf(), receiver.url, stopping.signal)).toMatchObject(stopped);
    expect(await post(clientOf(), receiver.url, stopping.signal)).toMatchObject(stopped);
    expect(receiver.requests.length).toBe(1);
  });

  it("takes a caller's own deadline for one", async () => {
    receiver.answer = () => undefined;
    const answer = await post(clientOf(), receiver.url, AbortSignal.timeout(20));
    expect(answer).toMatchObject({ kind: 'failed', code: 'push.timeout' });
  });

  it('lets nobody wait for a slow receiver', async () => {
    const slow = await Receiver.listen();
    const held: (() => void)[] = [];
    slow.answer = (response) => void held.push(() => response.end());
    const client = clientOf();
    const waiting = Array.from({ length: 64 }, () => post(client, slow.url));
    for (let i = 0; i < 50; i++) expect(await post(client)).toEqual({ kind: 'answered', status: 200 });
    expect(slow.connections).toBeLessThanOrEqual(64);
    while (held.length < 64) await new Promise((resolve) => setImmediate(resolve));
    held.forEach((release) => release());
    expect(await Promise.all(waiting)).toEqual(Array(64).fill({ kind: 'answered', status: 200 }));
    await slow.close();
  });

  it('keeps a limited number of connections, however many receivers there are', async () => {
    const client = clientOf();
    let most = 0;
    for (let i = 0; i < 400; i++) {
      await post(client, `http://host-${i}.many.test:${receiver.port}/`);
      most = Math.max(most, client.connections);
    }
    expect(receiver.connections).toBe(400);
    expect(most).toBeGreaterThan(200);
    expect(most).toBeLessThanOrEqual(257);
  });
});
