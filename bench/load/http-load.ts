import autocannon from 'autocannon';
import { asError } from '../../src/common/errors.js';
import { serveCommands } from '../processes/worker.js';
import { Latencies } from '../report/latencies.js';
import type { BurstResult } from './world.js';
import { conversationId } from './conversations.js';

// The program of the HTTP load generator: autocannon, each request with a conversation of its own.

interface Load {
  url: string;
  path: string;
  key: string;
  connections: number;
  /** Requests; their conversations are numbered from `from`. */
  from: number;
  count: number;
}

function bodyOf(no: number): string {
  return JSON.stringify({
    conversationId: conversationId(no),
    customerId: `C-${no}`,
    agentId: 'c1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf2',
    channel: 'CALL',
    subject: 'Invoice 77',
    notes: 'The caller asked for a copy of invoice 77.',
    attributes: { caseId: '88' },
  });
}

const commands = {
  /** @throws Error when an answer was none of 2xx */
  async post({ url, path, key, connections, from, count }: Load): Promise<BurstResult> {
    let no = from;
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
              path,
              headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
              setupRequest: (request) => ({ ...request, body: bodyOf(no++) }),
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
