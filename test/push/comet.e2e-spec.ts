import { once } from 'node:events';
import { request } from 'node:http';
import { WebSocket } from 'ws';
import { TEST_KEYS } from '../../src/config/testing/test-config.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { bareSocket, CometRig, exchange, type Transport, until } from './comet-rig.js';

const HANDSHAKE = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'], id: '1' };
const TRANSPORTS: Transport[] = ['websocket', 'long-polling'];

describe.each(TRANSPORTS)('CometD over %s, with the official client', (transport) => {
  let rig: CometRig;
  beforeEach(async () => {
    rig = await CometRig.start();
  });
  afterEach(() => rig.stop());

  it.each([false, true])('gives a subscribed user what is sent, in order (acknowledging: %s)', async (ack) => {
    const client = await rig.ready(transport, { ack });
    const first = await rig.send('alice', { id: '1', tag: 'a.b', message: 'one' });
    const rest = await Promise.all([2, 3, 4].map((n) => rig.send('alice', n)));
    expect([first, ...rest]).toEqual([true, true, true, true]);
    await until(() => client.received.length === 4);
    expect(client.received).toEqual([{ id: '1', tag: 'a.b', message: 'one' }, 2, 3, 4]);
  });

  it('keeps users apart', async () => {
    const [alice, bob] = await Promise.all(['alice', 'bob'].map((user) => rig.ready(transport, { user })));
    expect([...rig.sessions.users()].sort()).toEqual(['alice', 'bob']);
    await Promise.all([rig.send('alice', 'for alice'), rig.send('bob', 'for bob')]);
    await until(() => alice!.received.length > 0 && bob!.received.length > 0);
    expect([alice!.received, bob!.received]).toEqual([['for alice'], ['for bob']]);
    expect(await rig.send('carol', 'for nobody')).toBe(false);
  });

  it('gives every client of a user the message', async () => {
    const clients = await Promise.all([rig.ready(transport), rig.ready(transport, { ack: true })]);
    expect(await rig.send('alice', 'both')).toBe(true);
    await until(() => clients.every(({ received }) => received.length === 1));
  });

  it.each([false, true])('goes on after the connection was cut (acknowledging: %s)', async (ack) => {
    const client = await rig.ready(transport, { ack });
    const back: string[] = [];
    rig.sessions.connected$.subscribe((user) => back.push(user));
    rig.cutAll();
    await until(() => back.length > 0);
    expect(back).toEqual(['alice']);
    expect(await rig.send('alice', 'after the cut')).toBe(true);
    await until(() => client.received.length > 0);
    expect(client.received).toEqual(['after the cut']);
  });

  it.each([false, true])(
    'loses nothing that is sent just after a cut, before anybody noticed (acknowledging: %s)',
    async (ack) => {
      const client = await rig.ready(transport, { ack });
      rig.cutAll();
      expect(await rig.send('alice', 'into the cut')).toBe(true);
      await until(() => client.received.length > 0);
      expect(client.received).toEqual(['into the cut']);
    },
  );

  it('does not lose what an acknowledging client had not received when its connection was cut', async () => {
    const client = await rig.ready(transport, { ack: true });
    const sent = rig.send('alice', 'cut short');
    rig.cutAll();
    expect(await sent).toBe(true);
    expect(client.received).toContain('cut short');
  });

  it('refuses foreign channels and publishing', async () => {
    const client = await rig.ready(transport, { user: 'mallory' });
    for (const channel of ['/**', '/*', '/other', '/service/x', '/_genesys/other']) {
      expect(await client.subscribe(channel)).toMatchObject({
        successful: false,
        error: `403:${channel}:only /_genesys can be subscribed to`,
      });
    }
    await rig.ready(transport, { user: 'alice' });
    expect(await client.publish('/_genesys', 'forged')).toMatchObject({
      successful: false,
      error: '403:/_genesys:clients may not publish',
    });
  });

  it('refuses a handshake without gms_user', async () => {
    const reply = await rig.client(transport, { user: '' }).handshake();
    expect(reply).toMatchObject({ successful: false, advice: { reconnect: 'none' } });
    expect(reply.error).toMatch(/^400::gms_user is missing/);
  });

  it.each([
    ['an unknown key', 'nobody-key-0123456789', '401'],
    ['a key without the role', TEST_KEYS.admin, '403'],
  ])('refuses %s', async (_, key, status) => {
    const reply = await rig.client(transport, { key }).handshake();
    expect(reply.successful).toBe(false);
    if (transport === 'websocket') expect(reply.error).toMatch(new RegExp(`^${status}::`));
    else expect(reply).toMatchObject({ failure: { httpCode: Number(status) } });
    expect(rig.sessions.users()).toEqual([]);
  });

  it('a client that leaves is forgotten at once', async () => {
    const client = await rig.ready(transport);
    expect(await rig.app.get(Metrics).text()).toContain('gateway_comet_sessions 1');
    await client.disconnect();
    expect(rig.sessions.users()).toEqual([]);
    expect(await rig.app.get(Metrics).text()).toContain('gateway_comet_sessions 0');
  });

  it('tells its clients at shutdown to shake hands elsewhere', async () => {
    const client = await rig.ready(transport);
    const began = performance.now();
    await rig.app.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    await until(() => client.statuses.some(({ advice }) => advice?.reconnect === 'handshake'));
  });
});

describe('sessions', () => {
  let rig: CometRig;
  afterEach(() => rig.stop());

  /** A session of a client that we play ourselves. */
  async function opened(ext: object = {}, headers: Record<string, string> = {}): Promise<string> {
    const [reply] = await rig.bayeux([{ ...HANDSHAKE, ext }], { gms_user: 'alice', ...headers });
    expect(reply).toMatchObject({ successful: true, id: '1', version: '1.0' });
    const { clientId } = reply!;
    const batch = [
      { channel: '/meta/subscribe', clientId, subscription: '/_genesys' },
      { channel: '/meta/connect', clientId, connectionType: 'long-polling', advice: { timeout: 0 } },
    ];
    const replies = await rig.bayeux(batch);
    expect(replies.map(({ successful }) => successful)).toEqual([true, true]);
    return clientId!;
  }

  const connect = (clientId: string, ack?: number) => ({
    channel: '/meta/connect',
    clientId,
    connectionType: 'long-polling',
    ...(ack === undefined ? {} : { ext: { ack } }),
  });

  it('a poll whose client vanishes takes nothing with it', async () => {
    rig = await CometRig.start();
    const clientId = await opened();
    const leaving = new AbortController();
    const held = rig.post([connect(clientId)], {}, '/connect', leaving.signal).catch(() => 'gone');
    await rig.held(clientId);
    leaving.abort();
    expect(await held).toBe('gone');
    await until(() => rig.sessions.users().length === 0);
    expect(await rig.send('alice', 'to nobody')).toBe(false);
  });

  it('what was not acknowledged does not count, and is sent again to the same client', async () => {
    rig = await CometRig.start();
    const clientId = await opened({ ack: true });
    const given = rig.send('alice', 'once more');
    let settled = false;
    void given.then(() => (settled = true));
    const first = await rig.bayeux([connect(clientId, 1)]);
    expect(first).toMatchObject([{ channel: '/_genesys', data: 'once more' }, { ext: { ack: 2 } }]);
    // As if that answer had been lost: the client still knows of batch 1 only.
    const again = await rig.bayeux([connect(clientId, 1)]);
    expect(again).toMatchObject([{ channel: '/_genesys', data: 'once more' }, { ext: { ack: 3 } }]);
    expect(settled).toBe(false);
    const last = await rig.bayeux([{ ...connect(clientId, 3), advice: { timeout: 0 } }]);
    expect(last).toHaveLength(1);
    expect(await given).toBe(true);
  });

  it('what nobody acknowledges in time is not given, and is offered no more', async () => {
    rig = await CometRig.start();
    const clientId = await opened({ ack: true });
    const patience = new AbortController();
    const given = rig.send('alice', 'too late', patience.signal);
    await rig.post([connect(clientId, 1)]);
    patience.abort();
    expect(await given).toBe(false);
    const next = await rig.bayeux([{ ...connect(clientId, 1), advice: { timeout: 0 } }]);
    expect(next).toHaveLength(1);
  });

  it('a session that nobody connects is forgotten, and what waits for it was not given', async () => {
    rig = await CometRig.start({ maxIntervalMs: 30 });
    const clientId = await opened();
    expect(await rig.send('alice', 'nobody fetches this')).toBe(false);
    expect(rig.sessions.users()).toEqual([]);
    const [reply] = await rig.bayeux([connect(clientId)]);
    expect(reply).toMatchObject({ successful: false, advice: { reconnect: 'handshake' } });
    expect(reply?.error).toMatch(/^402::/);
  });

  it('a connect is answered when its time is over', async () => {
    rig = await CometRig.start({ timeoutMs: 20 });
    const clientId = await opened();
    expect(await rig.bayeux([connect(clientId)], {}, '/connect')).toEqual([
      {
        channel: '/meta/connect',
        clientId,
        successful: true,
        advice: { reconnect: 'retry', interval: 0, timeout: 20, maxInterval: 10_000 },
      },
    ]);
  });

  it('a second connect takes the place of the first', async () => {
    rig = await CometRig.start();
    const clientId = await opened();
    const first = rig.bayeux([connect(clientId)]);
    await rig.held(clientId);
    const second = rig.bayeux([connect(clientId)]);
    expect(await first).toMatchObject([{ successful: false, error: expect.stringMatching(/^408::/) }]);
    expect(await rig.send('alice', 'hello')).toBe(true);
    expect(await second).toMatchObject([{ data: 'hello' }, { successful: true }]);
  });

  it('a client id is good for its own caller and user only', async () => {
    rig = await CometRig.start();
    const clientId = await opened();
    const subscribe = { channel: '/meta/subscribe', clientId, subscription: '/_genesys' };
    for (const headers of [{ 'X-API-Key': TEST_KEYS.publish }, { gms_user: 'bob' }]) {
      const [reply] = await rig.bayeux([subscribe], headers);
      expect(reply?.error).toMatch(/^402::/);
    }
    const socket = await bareSocket(rig.url);
    const [reply] = await exchange(socket, connect(clientId));
    expect(reply?.error).toMatch(/^402::/);
    socket.terminate();
  });

  it('has limits: per user, in all, of waiting messages, of the body', async () => {
    rig = await CometRig.start({ sessionsPerUser: 2, sessions: 3, queue: 5 });
    const ids = [await opened(), await opened(), await opened()];
    const [first] = await rig.bayeux([connect(ids[0]!)]);
    expect(first?.error).toMatch(/^402::/);
    await opened({}, { gms_user: 'bob' });
    const [full] = await rig.bayeux([HANDSHAKE], { gms_user: 'carol' });
    expect(full).toMatchObject({ successful: false, advice: { reconnect: 'handshake', interval: 5000 } });
    expect(full?.error).toMatch(/^503::/);
    const given = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => rig.send('bob', n)));
    expect(given).toEqual([false, false, false, false, false, false]);
    expect(rig.sessions.users()).toEqual(['alice']);
    const large = await rig.post([{ ...HANDSHAKE, ext: { padding: 'x'.repeat(65_536) } }], { gms_user: 'dave' });
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ message: expect.stringContaining('64 KiB') });
  });

  it('answers what is not Bayeux with 400, and what has no key with 401', async () => {
    rig = await CometRig.start();
    for (const body of [[], ['x'], [{}], [{ channel: 5 }], 'text']) expect((await rig.post(body)).status).toBe(400);
    const answer = await rig.post([HANDSHAKE], { gms_user: 'alice', 'X-API-Key': 'wrong-key-0123456789' });
    expect(answer.status).toBe(401);
    const [unknown] = await rig.bayeux({ channel: '/meta/other', id: 7 });
    expect(unknown).toEqual({
      channel: '/meta/other',
      id: 7,
      successful: false,
      error: '404:/meta/other:there is no such meta channel',
    });
  });

  it('lets everybody in when no keys are used', async () => {
    rig = await CometRig.start({}, { AUTH_MODE: 'none', API_KEYS: '' });
    const client = await rig.ready('websocket', { key: 'anything' });
    expect(await rig.send('alice', 'open')).toBe(true);
    await until(() => client.received.length === 1);
  });
});

describe('WebSockets', () => {
  let rig: CometRig;
  afterEach(() => rig.stop());

  it('take key and user as headers too', async () => {
    rig = await CometRig.start();
    const socket = await bareSocket(rig.url, { Authorization: `Bearer ${TEST_KEYS.publish}`, gms_user: 'alice' });
    const [reply] = await exchange(socket, [{ ...HANDSHAKE, supportedConnectionTypes: ['websocket'] }]);
    expect(reply).toMatchObject({ successful: true });
    socket.terminate();
  });

  it.each([
    ['an unknown key', { 'X-API-Key': 'nobody-key-0123456789' }, '', 401],
    ['a key without the role', { 'X-API-Key': TEST_KEYS.admin }, '', 403],
    ['another path', { 'X-API-Key': TEST_KEYS.intake }, '/handshake', 405],
  ])('refuse %s before they are open', async (_, headers, path, status) => {
    rig = await CometRig.start();
    const socket = new WebSocket(rig.url.replace(/^http/, 'ws') + path, { headers: headers as Record<string, string> });
    const [, answer] = await once(socket, 'unexpected-response');
    expect(answer.statusCode).toBe(status);
    socket.on('error', () => undefined);
    socket.terminate();
  });

  it('one key has a part of the sessions only', async () => {
    rig = await CometRig.start({ sessionsPerKey: 2 });
    const ask = (user: string, key: string) => rig.bayeux([HANDSHAKE], { gms_user: user, 'X-API-Key': key });
    for (const user of ['a', 'b']) expect(await ask(user, TEST_KEYS.intake)).toMatchObject([{ successful: true }]);
    const [full] = await ask('c', TEST_KEYS.intake);
    expect(full?.error).toContain('503::the key "bofe" takes no more sessions on this instance (the limit is 2)');
    expect(full).toMatchObject({ successful: false, advice: { reconnect: 'handshake', interval: 5000 } });
    expect(await ask('c', TEST_KEYS.publish)).toMatchObject([{ successful: true }]);
  });

  it.each([
    ['text that is not JSON', '{', 1007],
    ['bytes', Buffer.from('[]'), 1007],
    ['what is not Bayeux', '[1]', 1007],
    ['a message that is too large', JSON.stringify('x'.repeat(65_536)), 1009],
  ])('end when %s comes', async (_, data, code) => {
    rig = await CometRig.start();
    const socket = await bareSocket(rig.url);
    socket.send(data);
    expect((await once(socket, 'close'))[0]).toBe(code);
  });

  it('without a session end, and so does one whose session is over', async () => {
    rig = await CometRig.start({ maxIntervalMs: 40 });
    const idle = await bareSocket(rig.url);
    expect((await once(idle, 'close'))[0]).toBe(1008);
    const socket = await bareSocket(rig.url, { 'X-API-Key': TEST_KEYS.intake, gms_user: 'alice' });
    const [handshake] = await exchange(socket, HANDSHAKE);
    await exchange(socket, { channel: '/meta/connect', clientId: handshake?.clientId, advice: { timeout: 0 } });
    expect((await once(socket, 'close'))[0]).toBe(1001);
  });

  it('end with a session that has shaken hands and never connected', async () => {
    rig = await CometRig.start({ maxIntervalMs: 40 });
    const socket = await bareSocket(rig.url, { 'X-API-Key': TEST_KEYS.intake, gms_user: 'alice' });
    expect(await exchange(socket, HANDSHAKE)).toMatchObject([{ successful: true }]);
    expect((await once(socket, 'close'))[0]).toBe(1001);
  });

  it('are cut when they answer no ping, and kept when they do', async () => {
    rig = await CometRig.start({ pingMs: 40 });
    const headers = { 'X-API-Key': TEST_KEYS.intake, gms_user: 'alice' };
    const [living, dead] = [
      await bareSocket(rig.url, headers),
      new WebSocket(rig.url.replace(/^http/, 'ws'), { headers, autoPong: false }),
    ];
    await once(dead, 'open');
    // Without a close frame: nobody is there to answer one.
    expect((await once(dead, 'close'))[0]).toBe(1006);
    for (let pings = 0; pings < 3; pings++) await once(living, 'ping');
    expect(living.readyState).toBe(WebSocket.OPEN);
    living.terminate();
  });

  it('that have not shaken hands have a limit of their own', async () => {
    rig = await CometRig.start({ strangers: 1 });
    const headers = { 'X-API-Key': TEST_KEYS.intake, gms_user: 'alice' };
    const first = await bareSocket(rig.url, headers);
    const second = new WebSocket(rig.url.replace(/^http/, 'ws'));
    second.on('error', () => undefined);
    const [, answer] = await once(second, 'unexpected-response');
    expect(answer.statusCode).toBe(503);
    second.terminate();
    await exchange(first, HANDSHAKE);
    const third = await bareSocket(rig.url, headers);
    for (const each of [first, third]) each.terminate();
  });

  it('have a limit', async () => {
    rig = await CometRig.start({ sockets: 1 });
    const first = await bareSocket(rig.url);
    const second = new WebSocket(rig.url.replace(/^http/, 'ws'));
    const [, answer] = await once(second, 'unexpected-response');
    expect(answer.statusCode).toBe(503);
    second.on('error', () => undefined);
    second.terminate();
    first.terminate();
  });

  it('leave requests alone that only offer another protocol, as Java clients do', async () => {
    rig = await CometRig.start();
    const headers = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': '',
      'Content-Type': 'application/json',
      'X-API-Key': TEST_KEYS.intake,
      gms_user: 'alice',
    };
    const sent = request(rig.url, { method: 'POST', headers, agent: false });
    sent.end(JSON.stringify([HANDSHAKE]));
    const [answer] = await once(sent, 'response');
    expect(answer.statusCode).toBe(200);
    answer.resume();
    await once(answer, 'end');
  });
});

describe('many', () => {
  it('200 clients on both transports get what is theirs, once', async () => {
    const rig = await CometRig.start();
    const clients = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        rig.ready(TRANSPORTS[n % 2]!, { user: `user-${String(n)}`, ack: n % 3 === 0 }),
      ),
    );
    const given = await Promise.all(
      clients.flatMap(({ user }) => [1, 2, 3].map((n) => rig.send(user, `${user} ${String(n)}`))),
    );
    expect(given).toEqual(Array(600).fill(true));
    await until(() => clients.every(({ received }) => received.length >= 3));
    for (const { user, received } of clients) expect(received).toEqual([1, 2, 3].map((n) => `${user} ${String(n)}`));
    await rig.stop();
  });
});
