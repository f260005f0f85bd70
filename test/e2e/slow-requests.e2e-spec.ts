import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

/** What a slow caller may take, and what finding it may take longer: half of Node.js' own 60 s would fail the test. */
const LIMIT_MS = 300;
const PATIENCE_MS = 10_000;

describe('callers who never finish', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, {
      HTTP_REQUEST_TIMEOUT_MS: String(LIMIT_MS),
      HTTP_MAX_CONNECTIONS: '10',
    });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  afterEach(async () => {
    await Promise.all(
      sockets.splice(0).map(async (socket) => {
        if (socket.closed) return;
        socket.destroy();
        await once(socket, 'close');
      }),
    );
  });

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Everything that comes until the gateway ends the connection. */
  async function answerTo(socket: Socket, begun: string): Promise<string> {
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(begun);
    await once(socket, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer;
  }

  it.each([
    ['headers', 'POST /customers/supportInteraction HTTP/1.1\r\nHost: x\r\n'],
    [
      'a body',
      'POST /customers/supportInteraction HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
  ])('get 408 and are cut off when %s take longer than HTTP_REQUEST_TIMEOUT_MS', async (_, begun) => {
    const began = performance.now();
    const answer = await answerTo(await open(), begun);
    expect(performance.now() - began).toBeGreaterThan(LIMIT_MS / 2);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('"code":"request.timeout"');
  });

  it('take no more connections than HTTP_MAX_CONNECTIONS: one more is closed unread', async () => {
    for (let count = 0; count < 10; count++) await open();
    const refused = await open();
    if (!refused.closed) await once(refused, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });
    expect(refused.bytesRead).toBe(0);
  });
});
