import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { HistoryRecord } from '../history/record.js';
import type { AfterCommit } from '../storage/after-commit.js';
import type { InteractionRow, Schema } from '../storage/schema.js';

/** Whose step it is. */
export type InteractionRef = Pick<InteractionRow, 'id' | 'conversation_id'>;

/** A step in the life of an interaction, as it is stored. */
export type InteractionChange =
  | { kind: 'accepted'; interaction: InteractionRow }
  /** After-call work is finished: the record is in the outbox. */
  | { kind: 'acw'; interaction: InteractionRef; record: HistoryRecord }
  | { kind: 'delivered'; interaction: InteractionRef; attempts: number }
  | { kind: 'dead'; interaction: InteractionRef; attempts: number; error: { code: string; message: string } }
  | { kind: 'expired'; interaction: InteractionRow };

/** Somebody who wants to know of each step, in the very transaction that stores it. */
export interface InteractionFollower {
  /** Throwing rolls the step back. */
  changed(trx: Transaction<Schema>, changes: readonly InteractionChange[], afterCommit: AfterCommit): Promise<void>;
}

/** Those who follow. Without any, steps cost nothing more. */
@Injectable()
export class InteractionFollowers {
  private readonly followers: InteractionFollower[] = [];

  add(follower: InteractionFollower): void {
    this.followers.push(follower);
  }

  /** @param changes made only when somebody follows */
  async changed(
    trx: Transaction<Schema>,
    changes: () => readonly InteractionChange[],
    afterCommit: AfterCommit,
  ): Promise<void> {
    if (this.followers.length === 0) return;
    const all = changes();
    if (all.length === 0) return;
    for (const follower of this.followers) await follower.changed(trx, all, afterCommit);
  }
}
