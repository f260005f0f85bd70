import { connect } from 'node:net';
import { Client } from './client.js';

describe('communication history', () => {
  let client: Client;
  beforeEach(async () => void (client = await Client.start()));
  afterEach(() => client.stop());

  it('keeps a record once a key, answers repeats with 409 or 200', async () => {
    const { history } = client.simulator;
    expect((await client.record('k', { a: 1 })).status).toBe(201);
    expect((await client.record('k', { a: 1 })).status).toBe(409);
    history.configure({ repeatStatus: 200 });
    expect((await client.record('k', { a: 1 })).status).toBe(200);
    expect([...history.records]).toEqual([['k', { a: 1 }]]);
    expect(history.received.map(({ key, status, repeat }) => [key, status, repeat])).toEqual([['k', 201, false], ['k', 409, true], ['k', 200, true]]); // prettier-ignore
    expect([history.repeats, history.conflicts]).toEqual([2, []]);
    const list = await fetch(client.simulator.historyUrl);
    expect(await list.json()).toEqual({ total: 1, records: [{ a: 1 }] });
  });

  it('remembers a key that came with two bodies; the first stays', async () => {
    const { history } = client.simulator;
    await client.record('k', { a: 1, b: 2 });
    await client.record('k', { b: 2, a: 1 });
    expect(history.conflicts).toEqual([]);
    await client.record('k', { a: 2 });
    expect(history.conflicts).toEqual([{ at: expect.any(Number), key: 'k', first: { a: 1, b: 2 }, second: { a: 2 } }]);
    expect(history.records.get('k')).toEqual({ a: 1, b: 2 });
  });

  it('refuses what has no key, no token when one is wanted, or no object', async () => {
    expect((await client.record(undefined, {})).status).toBe(400);
    expect((await client.record('k', 'text')).status).toBe(422);
    expect((await client.record('k', {}, { 'content-type': 'text/plain' })).status).toBe(415);
    client.simulator.history.configure({ token: 'secret' });
    expect((await client.record('k', {})).status).toBe(401);
    expect((await client.record('k', {}, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect(client.simulator.history.records.size).toBe(0);
    expect((await client.record('k', {}, { authorization: 'Bearer secret' })).status).toBe(201);
  });

  it('fails so many times, or until it recovers', async () => {
    const { history } = client.simulator;
    history.fail({ status: 503, count: 1, retryAfter: 7 });
    const failed = await client.record('k', {});
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '7']);
    expect((await client.record('k', {})).status).toBe(201);
    history.fail({ status: 400 });
    expect([(await client.record('l', {})).status, (await client.record('l', {})).status]).toEqual([400, 400]);
    history.recover();
    expect((await client.record('l', {})).status).toBe(201);
  });

  it('fails a part of the requests, and late', async () => {
    const { history } = client.simulator;
    history.fail({ status: 500, ratio: 0 });
    expect((await client.record('k', {})).status).toBe(201);
    history.recover();
    history.fail({ status: 500, delayMs: 15, count: 1 });
    const start = performance.now();
    expect((await client.record('l', {})).status).toBe(500);
    expect(performance.now() - start).toBeGreaterThanOrEqual(14);
  });

  it('resets the connection after it kept the record', async () => {
    const { history } = client.simulator;
    history.faults.resetAfterBody({ count: 1 });
    await expect(client.record('k', {})).rejects.toThrow();
    expect(history.records.size).toBe(1);
    expect((await client.record('k', {})).status).toBe(409);
    history.faults.resetAfterBody({ count: 1, store: false });
    await expect(client.record('l', {})).rejects.toThrow();
    expect((await client.record('l', {})).status).toBe(201);
  });

  /** Sends one record by hand and gives what comes back as it comes. */
  function raw(onData: (text: string) => void): { end(): void } {
    const { hostname, port, pathname } = new URL(client.simulator.historyUrl);
    const socket = connect(Number(port), hostname);
    socket
      .setEncoding('utf8')
      .on('data', onData)
      .on('error', () => undefined);
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nhost: x\r\nidempotency-key: k\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    return { end: () => socket.destroy() };
  }

  it('hangs', async () => {
    client.simulator.history.faults.hang({ count: 1 });
    let answer = '';
    const request = raw((text) => (answer += text));
    await client.simulator.history.waitFor(() => client.simulator.history.received.length === 1);
    expect((await client.record('l', {})).status).toBe(201);
    expect([answer, client.simulator.history.received[0]?.status]).toEqual(['', 0]);
    request.end();
  });

  it.each(['slowBody', 'endlessBody'] as const)('begins a body that never ends (%s)', async (fault) => {
    client.simulator.history.faults[fault]({ count: 1 });
    let answer = '';
    const enough = new Promise<void>((resolve) => {
      const request = raw((text) => {
        answer += text;
        if (answer.length < (fault === 'slowBody' ? 0 : 200_000)) return;
        request.end();
        resolve();
      });
    });
    await enough;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('redirects', async () => {
    client.simulator.history.faults.redirect({ to: 'http://127.0.0.1:1/elsewhere', count: 1 });
    const answer = await client.record('k', {});
    expect([answer.status, answer.headers.get('location')]).toEqual([307, 'http://127.0.0.1:1/elsewhere']);
  });

  it('does not let a client that hangs on keep the simulator from stopping', async () => {
    const { history } = client.simulator;
    history.faults.slowBody({ count: 1 });
    history.faults.fail({ status: 500, delayMs: 60_000, count: 1 });
    const requests = [raw(() => undefined), raw(() => undefined)];
    await history.waitFor(() => history.received.length === 2);
    await client.simulator.stop();
    for (const request of requests) request.end();
  });
});
