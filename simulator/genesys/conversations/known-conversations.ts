import { setBounded } from '../../common/bounded-log.js';
import type { Conversation } from './conversation.js';
import type { Lags } from './conversation-inputs.js';
import type { Shape, View } from './shapes.js';

interface Version {
  at: number;
  state: Conversation;
}

/** Look-ups lag by at most the time of so many changes. */
const VERSIONS_KEPT = 50;

/** The conversations as they are, and what look-ups know of them: what was the case some time ago, in some shape. */
export class KnownConversations {
  readonly #current = new Map<string, Conversation>();
  readonly #versions = new Map<string, Version[]>();
  readonly #shapes = new Map<string, Shape>();
  readonly #lags = new Map<string, Lags>();

  constructor(private readonly clock: { now(): number }) {}

  get(id: string): Conversation | undefined {
    return this.#current.get(id);
  }

  list(): Conversation[] {
    return [...this.#current.values()];
  }

  /** Takes it in as it is; later changes are made to it. */
  set(conversation: Conversation): void {
    setBounded(this.#current, conversation.id, conversation);
  }

  /** From then on look-ups know it so. */
  keep(conversation: Conversation, at = this.clock.now()): void {
    const versions = this.#versions.get(conversation.id) ?? [];
    versions.push({ at, state: structuredClone(conversation) });
    if (versions.length > VERSIONS_KEPT) versions.shift();
    setBounded(this.#versions, conversation.id, versions);
  }

  /** What that look-up knows by now: what was the case `usualLagMs` ago, or by the conversation's own lag. */
  asSeen(id: string, view: View, usualLagMs: number): Conversation | undefined {
    const time = this.clock.now() - (this.#lags.get(id)?.[view] ?? usualLagMs);
    return this.#versions.get(id)?.findLast((version) => version.at <= time)?.state;
  }

  /** What is not named is as for all. */
  lag(id: string, lags: Lags): void {
    setBounded(this.#lags, id, lags);
  }

  shape(id: string, shape: Shape): void {
    setBounded(this.#shapes, id, shape);
  }

  shapeOf(id: string): Shape | undefined {
    return this.#shapes.get(id);
  }

  clear(): void {
    for (const map of [this.#current, this.#versions, this.#shapes, this.#lags]) map.clear();
  }
}
