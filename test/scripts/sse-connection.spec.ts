import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readStream } from '../../scripts/watch/sse-connection.js';

describe('npm run watch, refused', () => {
  let server: Server;
  let retryAfter: string | undefined;

  beforeAll(async () => {
    server = createServer((_request, answer) =>
      answer
        .writeHead(503, { connection: 'close', ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }) })
        .end('{"message":"storage is down"}'),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each([
    ['7', 7_000],
    // More than a timer takes; it would fire at once.
    ['99999999', 86_400_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['-5', undefined],
    [undefined, undefined],
  ])('reads Retry-After %j', async (header, retryAfterMs) => {
    retryAfter = header;
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const listener = { opened: () => undefined, event: () => undefined };
    const refused = expect(readStream(url, undefined, AbortSignal.timeout(5_000), listener)).rejects;
    await refused.toMatchObject({ name: 'RefusedError', status: 503, message: 'storage is down', retryAfterMs });
  });
});
