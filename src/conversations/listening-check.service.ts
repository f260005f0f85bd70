import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { ChannelManager } from '../notifications/channel-manager.service.js';
import { ReplicaService } from '../storage/replica.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { conversationOfAcwTopic } from './acw-topic.js';
import { ListeningCheckRepository, type Waiting } from './listening-check.repository.js';
import { ListeningService } from './listening.service.js';

/** A difference is repaired when two looks in a row find it: within a minute. Whatever is on its way is over by the second. */
const EVERY_MS = 30_000;
/** Rows in one statement, and conversations in one question: some milliseconds, and everybody else has his turn between two. */
const PAGE = 500;

/** Conversations, each with a topic. */
interface Differences {
  /** Somebody waits, and the topic is not wanted. */
  unheard: Set<string>;
  /** The topic is wanted, and nobody waits. */
  idle: Set<string>;
}

const NONE: Differences = { unheard: new Set(), idle: new Set() };

/**
 * Compares the interactions that wait with the topics that are wanted for them, and repairs what differs: what was
 * committed while its answer was lost, and whatever no other part tells.
 */
@Injectable()
export class ListeningCheck {
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();
  /** What the look before this one found, and the calm of the manager in which it did. */
  private before: { calm: object | undefined; found: Differences } = { calm: undefined, found: NONE };

  constructor(
    private readonly repository: ListeningCheckRepository,
    private readonly listening: ListeningService,
    private readonly manager: ChannelManager,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('listening');
  }

  start(): void {
    this.subscription = interval(EVERY_MS)
      .pipe(exhaustMap(() => (this.running = this.checkOrWarn())))
      .subscribe();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.running;
  }

  /**
   * One look: repairs the differences that the look before it found, too. Nothing while the lease is in doubt or topics are
   * just coming back. @throws StorageUnavailableError
   */
  async check(): Promise<void> {
    const { calm } = this.manager;
    const found = calm && this.replica.held ? await this.compare() : NONE;
    if (!calm || calm !== this.manager.calm || !this.replica.held || this.stopped.signal.aborted) {
      this.before = { calm: undefined, found: NONE };
      return;
    }
    const known = this.before.calm === calm ? this.before.found : NONE;
    this.before = { calm, found };
    this.repair(
      [...found.unheard].filter((id) => known.unheard.has(id)),
      [...found.idle].filter((id) => known.idle.has(id)),
    );
  }

  private async checkOrWarn(): Promise<void> {
    try {
      await this.check();
    } catch (err) {
      this.log.warn({ err }, 'waiting interactions and wanted topics could not be compared, trying again later');
    }
  }

  private repair(unheard: readonly string[], idle: readonly string[]): void {
    if (unheard.length + idle.length === 0) return;
    this.metrics.topicsRepaired.inc(unheard.length + idle.length);
    this.log.warn(
      { wanted: unheard.length, released: idle.length },
      'interactions that wait and topics that are wanted differed: repaired',
    );
    this.listening.listenFor(unheard);
    this.listening.release(idle);
  }

  private async compare(): Promise<Differences> {
    const waiting = await this.waiting();
    const wanted = new Set([...this.manager.wantedBy()].flatMap((topic) => conversationOfAcwTopic(topic) ?? []));
    const idle = await this.idleAmong([...wanted].filter((id) => !waiting.has(id)));
    return { unheard: new Set([...waiting].filter((id) => !wanted.has(id))), idle: new Set(idle) };
  }

  /** Conversations that our interactions wait for. */
  private async waiting(): Promise<Set<string>> {
    const conversations = new Set<string>();
    let page: Waiting[] = [];
    do {
      page = await this.repository.waitingAfter(page.at(-1), this.replica.id, PAGE);
      for (const row of page) conversations.add(row.conversation_id);
      await setImmediate();
    } while (page.length === PAGE && !this.stopped.signal.aborted);
    return conversations;
  }

  private async idleAmong(conversationIds: readonly string[]): Promise<string[]> {
    const idle: string[] = [];
    for (let from = 0; from < conversationIds.length && !this.stopped.signal.aborted; from += PAGE) {
      idle.push(...(await this.repository.idleAmong(conversationIds.slice(from, from + PAGE), this.replica.id)));
      await setImmediate();
    }
    return idle;
  }
}
