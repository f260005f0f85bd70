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
    let lastAt = startedAt;
    const result = await new Promise<autocannon.Result>((resolve, reject) => {
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
        (error: unknown, done) => (error === null ? resolve(done) : reject(asError(error))),
      );
      run.on('response', (_client, _status, _bytes, ms) => {
        latencies.record(ms);
        lastAt = performance.now();
      });
    });
    // autocannon looks once a second whether it is done.
    const seconds = (lastAt - startedAt) / 1_000;
    if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx} bad answers, ${result.errors} errors`);
    return { seconds, perSecond: count / seconds, latency: latencies.summary() };
  },
};

export type HttpLoad = typeof commands;
serveCommands(commands);
