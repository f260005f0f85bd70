import { serveCommands } from '../processes/worker.js';
import { Receiver } from './receiver.js';

// The program of those who take callbacks: each an origin of its own, since the gateway keeps origins apart.

let taken = 0;
let wanted: { count: number; reached: () => void } | undefined;

function took(): void {
  taken += 1;
  if (wanted !== undefined && taken >= wanted.count) wanted.reached();
}

const commands = {
  /** URLs of so many receivers. */
  async start(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => new Receiver(took).start()));
  },

  /** Resolves when all of them together have taken so many since they started; epoch ms of that moment. */
  async untilTaken(count: number): Promise<number> {
    await new Promise<void>((reached) => {
      wanted = { count, reached };
      if (taken >= count) reached();
    });
    return performance.timeOrigin + performance.now();
  },
};

export type Receivers = typeof commands;
serveCommands(commands);
