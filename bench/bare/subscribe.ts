import { serveCommands } from '../processes/worker.js';
import { listenFor } from './sockets.js';

// What listening cannot do without: the sockets and two subscribe requests for each channel of 1,000 topics.

const commands = {
  /** Milliseconds until all is confirmed. */
  async subscribe({ topics, apiUrl }: { topics: number; apiUrl: string }): Promise<number> {
    const startedAt = performance.now();
    await listenFor(topics, apiUrl, () => undefined);
    return performance.now() - startedAt;
  },
};

export type BareSubscribe = typeof commands;
serveCommands(commands);
