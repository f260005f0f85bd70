import { createHistogram } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Qlobber } from 'qlobber';
import { FilterIndex } from '../../src/push/tags/filter-index.js';
import { serveCommands } from '../processes/worker.js';
import type { LatencySummary } from '../report/latencies.js';
import { conversationId } from './conversations.js';

// Both matchers get the same subscriptions and the same tags, each in a process of its own.

interface Matcher {
  add(filter: string, id: string): unknown;
  match(tag: string): ArrayLike<unknown>;
}

/** One in so many filters ends with a wildcard. */
const WILDCARD_EVERY = 5;
const KINDS = ['acw', 'accepted', 'delivered', 'dead', 'expired'] as const;
/** Groups that wildcards name: a queue or a team, not one conversation. */
const GROUPS = 20_000;

let matcher: Matcher = new FilterIndex<string>();
let filled = 0;

/** qlobber's `#` stands for any number of words, none too: `a.*.#` is what `a.*` is here. */
function qlobber(): Matcher {
  const library = new Qlobber<string>({ cache_adds: false });
  const words = (filter: string): string => (filter === '*' ? '#' : filter.endsWith('.*') ? `${filter}.#` : filter);
  return {
    add: (filter, id) => library.add(words(filter), id),
    match: (tag) => library.match(tag),
  };
}

function word(no: number): string {
  return conversationId(no).replaceAll('-', '_');
}

function filterOf(no: number): string {
  if (no % WILDCARD_EVERY !== 0) return `genesys.conversation.${word(no)}.${KINDS[no % KINDS.length]}`;
  return no % 2 === 0 ? `genesys.conversation.${word(no)}.*` : `ors.group${no % GROUPS}.agent${no}.*`;
}

/** Half of them are about conversations that are subscribed to, a third about agents that are, the rest about nothing. */
function tagOf(no: number): string {
  const subscribed = (no * 7) % filled;
  if (no % 2 === 0) return `genesys.conversation.${word(subscribed)}.${KINDS[subscribed % KINDS.length]}`;
  return no % 3 === 0 ? 'gms.notification' : `ors.group${subscribed % GROUPS}.agent${subscribed}.state.available`;
}

/** Bytes in use after a full collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed: heap, external } = process.memoryUsage();
  return heap + external;
}

const commands = {
  fill({ library, subscriptions }: { library: 'qlobber' | 'filter-index'; subscriptions: number }): {
    bytesEach: number;
    seconds: number;
  } {
    matcher = library === 'qlobber' ? qlobber() : new FilterIndex<string>();
    // The ids exist anyway, wherever a subscription is kept: they are not the index's cost.
    const ids = Array.from({ length: subscriptions }, (_, no) => conversationId(no));
    const before = heapUsed();
    const startedAt = performance.now();
    ids.forEach((id, no) => matcher.add(filterOf(no), id));
    const seconds = (performance.now() - startedAt) / 1_000;
    filled = subscriptions;
    return { bytesEach: (heapUsed() - before) / subscriptions, seconds };
  },

  /** Each match timed alone, after as many to warm up; then all of them without looking at the clock in between. */
  match(count: number): { perSecond: number; latency: LatencySummary; foundEach: number } {
    const tags = Array.from({ length: count }, (_, no) => tagOf(no));
    for (const tag of tags) matcher.match(tag);
    const histogram = createHistogram({ lowest: 1, highest: 10_000_000_000, figures: 3 });
    let found = 0;
    for (const tag of tags) {
      const startedAt = process.hrtime.bigint();
      const { length } = matcher.match(tag);
      histogram.record(process.hrtime.bigint() - startedAt);
      found += length;
    }
    const startedAt = performance.now();
    for (const tag of tags) matcher.match(tag);
    const perSecond = (count / (performance.now() - startedAt)) * 1_000;
    const ms = (percentile: number): number => histogram.percentile(percentile) / 1e6;
    const latency = { count, p50: ms(50), p99: ms(99), p999: ms(99.9), max: histogram.max / 1e6 };
    return { perSecond, latency, foundEach: found / count };
  },

  /** @throws Error when the two find different subscriptions for one of the first tags */
  compare({ subscriptions, tags }: { subscriptions: number; tags: number }): void {
    const matchers = [new FilterIndex<string>(), qlobber()] satisfies Matcher[];
    filled = subscriptions;
    for (let no = 0; no < subscriptions; no += 1) {
      for (const each of matchers) each.add(filterOf(no), conversationId(no));
    }
    for (let no = 0; no < tags; no += 1) {
      const [ours, theirs] = matchers.map((each) =>
        Array.from(each.match(tagOf(no)))
          .sort()
          .join(),
      );
      if (ours !== theirs) throw new Error(`the matchers disagree about ${tagOf(no)}`);
    }
  },
};

export type TagMatch = typeof commands;
serveCommands(commands);
