import { createServer } from 'node:http';
import { serveCommands } from '../processes/worker.js';
import { listening } from './listening.js';

// The program of one receiver of callbacks that takes its time, and knows when each came.

const arrivals: number[] = [];
let wanted: { count: number; reached: () => void } | undefined;

function arrived(): void {
  arrivals.push(performance.timeOrigin + performance.now());
  if (wanted !== undefined && arrivals.length >= wanted.count) wanted.reached();
}

const commands = {
  /** Its URL. @param delayMs from a request to its answer */
  async start(delayMs: number): Promise<string> {
    const server = createServer((request, response) => {
      request.resume();
      request.once('end', () => {
        arrived();
        setTimeout(() => response.end('{}'), delayMs);
      });
    });
    return `http://127.0.0.1:${await listening(server)}/callback`;
  },

  /** Resolves when so many requests have come since the start; epoch ms of that one. */
  async untilArrived(count: number): Promise<number> {
    await new Promise<void>((reached) => {
      wanted = { count, reached };
      if (arrivals.length >= count) reached();
    });
    return arrivals[count - 1] ?? 0;
  },
};

export type CallbackReceiver = typeof commands;
serveCommands(commands);
