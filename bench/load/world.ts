import BetterSqlite3 from 'better-sqlite3';
import { serveCommands } from '../processes/worker.js';
import { Latencies, type LatencySummary } from '../report/latencies.js';
import { eventFrame, numberOf, numberOfTopic, topicOf } from './conversations.js';
import { GenesysStandIn } from './genesys.js';
import { Receiver, type ReceiverMode } from './receiver.js';

// The program of the load generator: Genesys Cloud on one side of the gateway, the history on the other, so that both
// ends of a latency are read from one clock.

export interface Addresses {
  apiUrl: string;
  historyUrl: string;
}

/** A range of conversations by number. */
export interface Range {
  from: number;
  count: number;
}

export interface BurstResult {
  seconds: number;
  perSecond: number;
  /** Frame handed to the socket → record taken. */
  latency: LatencySummary;
}

/** How often it is looked whether something has come, where nothing announces it. */
const LOOK_EVERY_MS = 2;
const sentAt = new Map<number, number>();
let latencies = new Latencies();
/** What waits for something to happen; asked after each change. */
const waiting = new Set<() => void>();
let onReleased: (no: number) => void = () => undefined;

const history = new Receiver((conversationId) => {
  const no = numberOf(conversationId);
  const at = sentAt.get(no);
  if (at !== undefined) latencies.record(performance.now() - at);
  sentAt.delete(no);
  look();
});
const genesys = new GenesysStandIn({
  subscribed: look,
  unsubscribed: (topic) => {
    onReleased(numberOfTopic(topic));
    look();
  },
});

function look(): void {
  for (const each of waiting) each();
}

function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      waiting.delete(check);
      resolve();
    };
    waiting.add(check);
    check();
  });
}

function sendEvent(no: number): void {
  sentAt.set(no, performance.now());
  if (!genesys.send(topicOf(no), eventFrame(no, Date.now()))) throw new Error(`conversation ${no} is not listened for`);
}

async function timed(work: () => Promise<void>, count: number): Promise<BurstResult> {
  latencies = new Latencies();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds, perSecond: count / seconds, latency: latencies.summary() };
}

const commands = {
  async start(): Promise<Addresses> {
    return { apiUrl: await genesys.start(), historyUrl: await history.start() };
  },

  /** Resolves when exactly so many topics are subscribed; epoch ms of that moment. */
  async subscribed(count: number): Promise<number> {
    await until(() => genesys.topicCount === count);
    return performance.timeOrigin + performance.now();
  },

  /** One event for each conversation, `window` of them between "sent" and "topic unsubscribed" at any time. */
  async burst({ from, count, window }: Range & { window: number }): Promise<BurstResult> {
    return timed(async () => {
      let next = from;
      let released = 0;
      onReleased = () => {
        released += 1;
        if (next < from + count) sendEvent(next++);
      };
      while (next < from + Math.min(window, count)) sendEvent(next++);
      await until(() => released === count);
    }, count);
  },

  /** The same at a fixed rate, whatever has become of those before. */
  async paced({ from, count, perSecond }: Range & { perSecond: number }): Promise<BurstResult> {
    return timed(async () => {
      let released = 0;
      onReleased = () => (released += 1);
      const startedAt = performance.now();
      for (let sent = 0; sent < count; sent += 1) {
        const wait = startedAt + (sent * 1_000) / perSecond - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        sendEvent(from + sent);
      }
      await until(() => released === count);
    }, count);
  },

  /**
   * Events until `query` on the SQLite file, asked all the time, says that all are committed. At most `window` are sent
   * and not yet seen there.
   */
  async untilCommitted(order: Range & { window: number; file: string; query: string }): Promise<BurstResult> {
    const { from, count, window, file, query } = order;
    const reader = new BetterSqlite3(file, { readonly: true });
    const statement = reader.prepare(query).pluck();
    const committed = (): number => Number(statement.get() ?? 0);
    const before = committed();
    try {
      return await timed(async () => {
        let sent = 0;
        for (let done = 0; done < count; done = committed() - before) {
          for (; sent < Math.min(count, done + window); sent += 1) sendEvent(from + sent);
          await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        }
      }, count);
    } finally {
      reader.close();
    }
  },

  setHistory(mode: ReceiverMode): void {
    history.mode = mode;
  },

  /** Records taken so far. */
  taken(): number {
    return history.taken;
  },

  /** Resolves when so many records have been taken; epoch ms of that moment. */
  async untilTaken(count: number): Promise<number> {
    await until(() => history.taken >= count);
    return performance.timeOrigin + performance.now();
  },

  /** Announces the end of the fullest channel's socket; milliseconds until its topics are all on other channels. */
  async rotate(): Promise<{ topics: number; ms: number }> {
    const startedAt = performance.now();
    const topics = genesys.announceClosing();
    const old = genesys.channelOf(topics[0] ?? '');
    // Topics that were let go meanwhile, because their record is delivered, need no new channel.
    await until(() => topics.every((topic) => genesys.channelOf(topic) !== old));
    return { topics: topics.length, ms: performance.now() - startedAt };
  },
};

export type World = typeof commands;
serveCommands(commands);
