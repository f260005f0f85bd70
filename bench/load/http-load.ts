import autocannon from 'autocannon';
import { asError } from '../../src/common/errors.js';
import { serveCommands } from '../processes/worker.js';
import { Latencies } from '../report/latencies.js';
import type { BurstResult } from './world.js';
import { REQUESTS, type PreparedRequest, type RequestKind } from './requests.js';

// The program of the HTTP load generator: autocannon, no two requests alike.

interface Load {
  url: string;
  kind: RequestKind;
  key: string;
  connections: number;
  /** Requests; they are numbered from `from`. */
  from: number;
  count: number;
  /** URLs that subscriptions to callbacks name. */
  receivers?: string[];
}

const commands = {
  /** @throws Error when an answer was none of 2xx */
  async post({ url, kind, key, connections, from, count, receivers = [] }: Load): Promise<BurstResult> {
    let no = from;
    const prepare: (no: number, receivers: readonly string[]) => PreparedRequest = REQUESTS[kind];
    const common = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    // autocannon's own histogram has whole milliseconds.
    const latencies = new Latencies();
    const startedAt = performance.now();
    await new Promise<void>((resolve, reject) => {
      const run = autocannon(
        {
          url,
          connections,
          amount: count,
          timeout: 30,
          requests: [
            {
              method: 'POST',
              setupRequest: (request) => {
                const { path, headers, body } = prepare(no++, receivers);
                return { ...request, path, headers: { ...common, ...headers }, body: JSON.stringify(body) };
              },
            },
          ],
        },
        (error: unknown) => (error === null ? undefined : reject(asError(error))),
      );
      run.on('reqError', reject);
      run.on('response', (_client, status, _bytes, ms) => {
        if (status < 200 || status > 299) reject(new Error(`an answer was ${status}`));
        latencies.record(ms);
        // By itself, autocannon looks once a second whether it is done.
        if (latencies.count === count) resolve();
      });
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    return { seconds, perSecond: count / seconds, latency: latencies.summary() };
  },
};

export type HttpLoad = typeof commands;
serveCommands(commands);
