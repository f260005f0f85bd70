import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChannelSocket } from './channel-socket.js';

describe('ChannelSocket, refused', () => {
  let server: Server;
  let retryAfter: string | undefined;

  beforeAll(async () => {
    server = createServer().on('upgrade', (_request, socket) => {
      const asked = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`;
      socket.end(`HTTP/1.1 429 Too Many Requests\r\n${asked}Connection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const refusedAfter = (header: string | undefined) => {
    retryAfter = header;
    return new ChannelSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`).ended;
  };

  it.each([
    ['7', 7_000],
    // More than a timer takes; it would fire at once.
    ['99999999', 86_400_000],
    ['Sat, 01 Jan 2000 00:00:00 GMT', 0],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads Retry-After %j', async (header, retryAfterMs) => {
    const end = await refusedAfter(header);
    expect(end).toMatchObject({ kind: 'refused', status: 429, reason: 'upgrade refused with 429' });
    expect(end.retryAfterMs).toBe(retryAfterMs);
  });
});
