import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { testConfig } from '../../config/testing/test-config.js';
import { AddressPolicy } from './address-policy.js';
import { CallbackClient } from './callback-client.js';
import type { CallbackAnswer } from './callback-client.js';
import { FakeNames } from './testing/fake-names.js';
import { Receiver } from './testing/receiver.js';
import { FORBIDDEN_ADDRESSES, urlsAt } from './testing/ssrf-corpus.js';

const NEVER = new AbortController().signal;
const REFUSED = { kind: 'not-allowed', code: 'push.address-refused' };

/**
 * What matters in the end: that no connection is made. The URLs here have not been looked at before, as if the check at the
 * time of subscribing had not been there. A canary listens on all addresses of the machine.
 */
describe('callbacks to what is not public', () => {
  let canary: Server;
  let sung: (string | undefined)[];
  let port: number;
  const clients: CallbackClient[] = [];

  beforeEach(async () => {
    sung = [];
    canary = createServer((socket) => {
      sung.push(socket.localAddress);
      socket.on('error', () => undefined).resume();
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    canary.listen(0, '::');
    await once(canary, 'listening');
    ({ port } = canary.address() as AddressInfo);
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.onApplicationShutdown()));
    await new Promise((resolve) => canary.close(resolve));
  });

  function clientOf(hosts: string, names = new FakeNames()): CallbackClient {
    const config = testConfig({ PUSH_ALLOWED_HOSTS: hosts, PUSH_TIMEOUT_MS: '2000' });
    const client = new CallbackClient(config, new AddressPolicy(config), names);
    clients.push(client);
    return client;
  }

  const post = (client: CallbackClient, url: string): Promise<CallbackAnswer> =>
    client.post({ url: new URL(url), headers: {}, body: 'x', urlFrom: 'caller' }, NEVER);

  /** The machine's own addresses, which a neighbour could be called by as well. */
  const own = (): string[] =>
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address }) => !address.startsWith('fe80'))
      .map(({ address, family }) =>
        family === 'IPv6' ? `http://[${address}]:${port}/` : `http://${address}:${port}/`,
      );

  it('has a canary that sings for each way to reach it', async () => {
    const client = clientOf('*', new FakeNames({ localhost: [['127.0.0.1']] }));
    const urls = ['127.1', '2130706433', '127.0.0.2', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '①②⑦.1'];
    for (const url of [...urls.map((host) => `http://${host}:${port}/`), ...own()]) {
      expect([url, await post(client, url)]).toEqual([url, { kind: 'answered', status: 200 }]);
    }
    expect(sung.length).toBe(urls.length + own().length);
  });

  it('connects to none of the corpus when a message is delivered', async () => {
    const client = clientOf('');
    const urls = [...urlsAt(port), ...own()].filter(
      (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol),
    );
    const answers = await Promise.all(urls.map((url) => post(client, url)));
    expect(urls.length).toBeGreaterThan(120);
    expect(answers.filter(({ kind }) => kind === 'answered')).toEqual([]);
    // Names that are not found are the rest.
    expect(answers.filter(({ kind }) => kind === 'not-allowed').length).toBeGreaterThan(100);
    expect(sung).toEqual([]);
    expect(client.connections).toBe(0);
  });

  it('connects to no forbidden address that a name has', async () => {
    for (const address of FORBIDDEN_ADDRESSES) {
      const client = clientOf('', new FakeNames({ '*': [[address]] }));
      expect([address, await post(client, `http://innocent.example:${port}/`)]).toMatchObject([address, REFUSED]);
      expect([address, await post(client, `https://innocent.example:${port}/`)]).toMatchObject([address, REFUSED]);
    }
    const all = clientOf('', new FakeNames({ '*': [FORBIDDEN_ADDRESSES], 'empty.example': [[]] }));
    expect(await post(all, `http://innocent.example:${port}/`)).toMatchObject(REFUSED);
    expect(await post(all, `http://empty.example:${port}/`)).toMatchObject(REFUSED);
    expect(sung).toEqual([]);
  });

  it('takes the permitted ones of the addresses that a name has', async () => {
    const receiver = await Receiver.listen('127.0.0.1');
    const names = new FakeNames({ 'mixed.example': [['::1', '127.0.0.9', '127.0.0.1', '10.0.0.1']] });
    const client = clientOf('127.0.0.1', names);
    expect(await post(client, `http://mixed.example:${receiver.port}/`)).toEqual({ kind: 'answered', status: 200 });
    expect(receiver.requests[0]?.headers.host).toBe(`mixed.example:${receiver.port}`);
    await receiver.close();
    expect(sung).toEqual([]);
  });

  it('is not deceived by a name whose address changes', async () => {
    const receiver = await Receiver.listen('127.0.0.1');
    receiver.answer = (response) => void response.writeHead(200, { connection: 'close' }).end();
    // Only the first answer is permitted; asking twice for one connection would meet the second.
    const names = new FakeNames({ 'rebind.example': [['127.0.0.1'], ['::1']] });
    const client = clientOf('127.0.0.1', names);
    const url = `http://rebind.example:${receiver.port}/`;
    expect(await post(client, url)).toEqual({ kind: 'answered', status: 200 });
    expect(names.asked).toEqual([{ host: 'rebind.example', how: 'public' }]);
    expect(await post(client, url)).toMatchObject(REFUSED);
    expect(names.asked.length).toBe(2);
    expect(receiver.connections).toBe(1);
    await receiver.close();
    expect(sung).toEqual([]);
  });

  it('asks the machine only for names that operators have listed', async () => {
    const names = new FakeNames({ '*': [['::1']] });
    const client = clientOf('ors', names);
    expect(await post(client, `http://ors:${port}/`)).toEqual({ kind: 'answered', status: 200 });
    expect(await post(client, `http://ors.example:${port}/`)).toMatchObject(REFUSED);
    expect(names.asked).toEqual([
      { host: 'ors', how: 'system' },
      { host: 'ors.example', how: 'public' },
    ]);
    expect(sung).toEqual(['::1']);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect (%i)', async (status) => {
    const receiver = await Receiver.listen('127.0.0.1');
    receiver.answer = (response) => void response.writeHead(status, { location: `http://[::1]:${port}/` }).end();
    expect(await post(clientOf('127.0.0.1'), receiver.url)).toEqual({ kind: 'answered', status });
    await receiver.close();
    expect(sung).toEqual([]);
  });

  it('takes no proxy from the environment', async () => {
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${port}`;
    try {
      const client = clientOf('', new FakeNames({ '*': [['10.0.0.1']] }));
      expect(await post(client, 'http://innocent.example/')).toMatchObject(REFUSED);
      expect(await post(client, 'https://innocent.example/')).toMatchObject(REFUSED);
    } finally {
      names.forEach((name, at) => {
        const value = before[at];
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      });
    }
    expect(sung).toEqual([]);
  });

  it('gives a caller no connection that was made for an operator', async () => {
    const client = clientOf('');
    const request = { url: new URL(`http://127.0.0.1:${port}/`), headers: {}, body: '' };
    expect(await client.post({ ...request, urlFrom: 'operator' }, NEVER)).toEqual({ kind: 'answered', status: 200 });
    expect(await client.post({ ...request, urlFrom: 'caller' }, NEVER)).toMatchObject(REFUSED);
    expect(sung.length).toBe(1);
  });
});
