import type { ServerResponse } from 'node:http';

/** How often a byte of a slow body comes. */
const DRIP_MS = 50;

/** 200 and a byte from time to time, until the client goes. */
export function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{');
  const timer = setInterval(() => response.write(' '), DRIP_MS);
  response.on('close', () => clearInterval(timer));
}

/** 200 and a body as fast as it is read, until the client goes. */
export function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const chunk = Buffer.alloc(16 * 1024, ' ');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk)) {
      // goes on until the client's window is full
    }
  };
  response.on('drain', pour);
  pour();
}
