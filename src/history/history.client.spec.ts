import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testConfig } from '../config/testing/test-config.js';
import { HistoryClient } from './history.client.js';

const NEVER = new AbortController().signal;
const REQUEST = { idempotencyKey: 'record-1', correlationId: 'interaction-1', body: '{"a":"é"}' };

describe('HistoryClient', () => {
  let server: Server;
  let client: HistoryClient;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let connections: number;

  beforeEach(async () => {
    connections = 0;
    server = createServer((request, response) => answer(request, response));
    server.on('connection', () => connections++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = clientOf({});
  });

  afterEach(async () => {
    await client.onApplicationShutdown();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function clientOf(env: Record<string, string>): HistoryClient {
    const { port } = server.address() as AddressInfo;
    return new HistoryClient(testConfig({ HISTORY_URL: `http://127.0.0.1:${port}/v1/records?tenant=7`, ...env }));
  }

  async function replace(env: Record<string, string>): Promise<void> {
    await client.onApplicationShutdown();
    client = clientOf(env);
  }

  it('posts the body to the whole URL, with key, correlation and token', async () => {
    await replace({ HISTORY_TOKEN: 'history-secret' });
    let seen: unknown;
    answer = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { headers, method, url } = request;
        seen = { method, url, body: Buffer.concat(chunks).toString(), headers };
        response.writeHead(201).end('{}');
      });
    };
    expect(await client.post(REQUEST, NEVER)).toEqual({ kind: 'delivered', status: 201 });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/records?tenant=7',
      body: '{"a":"é"}',
      headers: {
        'content-type': 'application/json',
        'content-length': '10',
        'idempotency-key': 'record-1',
        'x-correlation-id': 'interaction-1',
        authorization: 'Bearer history-secret',
      },
    });
  });

  it('uses connections again, whatever the answer', async () => {
    const statuses = [200, 503, 422, 200];
    answer = (_, response) => void response.writeHead(statuses.shift() ?? 200).end('x'.repeat(10_000));
    for (let i = 0; i < 20; i++) await client.post(REQUEST, NEVER);
    // The pool takes a second one when the first has not quite finished its answer.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('does not follow redirects', async () => {
    let requests = 0;
    answer = (_, response) => {
      requests++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    };
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', status: 307 });
    expect(requests).toBe(1);
  });

  it('hands on Retry-After', async () => {
    answer = (_, response) => void response.writeHead(429, { 'retry-after': '3' }).end();
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', status: 429, retryAfterMs: 3_000 });
  });

  it('gives up at the deadline, be it before the answer or within its body', async () => {
    await replace({ HISTORY_TIMEOUT_MS: '100' });
    answer = () => undefined;
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', code: 'history.timeout' });
    answer = (_, response) => void response.writeHead(200).write('{');
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', code: 'history.timeout' });
  });

  it('reads no more than 64 KiB of an endless answer, and takes its status', async () => {
    const chunk = 'x'.repeat(16_384);
    let sent = 0;
    answer = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent++;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const outcome = await client.post(REQUEST, NEVER);
    expect(outcome).toEqual({ kind: 'delivered', status: 200 });
    expect(sent).toBeLessThan(2_000);
  });

  it('takes the status of an answer that announces more than 64 KiB, without reading it', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '70000' }).flushHeaders();
    };
    expect(await client.post(REQUEST, NEVER)).toEqual({ kind: 'delivered', status: 200 });
  });

  it.each([
    ['announces', { 'content-length': '90000' }],
    ['does not announce', {}],
  ])('keeps the start of a refusal that %s more than 64 KiB', async (_, headers) => {
    answer = (__, response) => void response.writeHead(422, headers).end('why not: '.padEnd(90_000, 'x'));
    const outcome = await client.post(REQUEST, NEVER);
    expect(outcome).toMatchObject({ kind: 'refused', status: 422, answer: expect.stringMatching(/^why not: x+$/) });
  });

  it.each([
    ['the URL', ({ url }: IncomingMessage) => `Cannot POST ${url ?? ''}`],
    ['the token', ({ headers }: IncomingMessage) => JSON.stringify(headers.authorization).replaceAll('/', '\\/')],
    [
      'the token in base64',
      ({ headers }: IncomingMessage) => Buffer.from(headers.authorization ?? '').toString('base64'),
    ],
  ])('keeps no secret of an answer that echoes %s', async (_, echo) => {
    const { port } = server.address() as AddressInfo;
    await replace({
      HISTORY_URL: `http://127.0.0.1:${port}/v1/records?code=K3y%2BWith%2FSl4sh%3D%3D&k=plusA+plusB&flagKey`,
      HISTORY_TOKEN: 'abcdefgh/ijklmnopqrst+uv==',
    });
    answer = (request, response) => void response.writeHead(400).end(echo(request));
    const outcome = await client.post(REQUEST, NEVER);
    expect(outcome).toMatchObject({ kind: 'refused', answer: expect.stringContaining('***') });
    expect(JSON.stringify(outcome)).not.toMatch(/K3y|Sl4sh|plus|flagKey|abcd|ijkl|YWJj|aWpr|Zpam/);
  });

  it('takes an answer that breaks off for none', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => request.socket.destroy());
    };
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', code: 'history.unreachable' });
  });

  it('takes a 1xx for no answer', async () => {
    answer = (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(422).end();
    };
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'refused', status: 422 });
  });

  it('tells what stood in the way of a connection, without more', async () => {
    answer = (request) => void request.socket.destroy();
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'retry', code: 'history.unreachable' });
    await replace({ HISTORY_URL: 'http://127.0.0.1:9/records' });
    expect(await client.post(REQUEST, NEVER)).toEqual({
      kind: 'retry',
      code: 'history.unreachable',
      message: 'the history service cannot be reached: ECONNREFUSED',
    });
  });

  it('ends all that are under way when they are aborted, and sends none of those that wait for a connection', async () => {
    await replace({ HISTORY_CONCURRENCY: '2' });
    const stopping = new AbortController();
    let requests = 0;
    answer = () => {
      if (++requests === 2) stopping.abort();
    };
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => client.post(REQUEST, stopping.signal)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['retry', 'retry', 'retry', 'retry']);
    answer = (_, response) => {
      requests++;
      response.writeHead(200).end();
    };
    expect(await client.post(REQUEST, NEVER)).toMatchObject({ kind: 'delivered' });
    expect(requests).toBe(3);
  });

  it('ends at once when it is aborted', async () => {
    const stopping = new AbortController();
    answer = () => stopping.abort();
    expect(await client.post(REQUEST, stopping.signal)).toMatchObject({ kind: 'retry' });
    expect(await client.post(REQUEST, stopping.signal)).toMatchObject({ kind: 'retry' });
  });
});
