import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { filter, map, merge, type Subscription } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import {
  type InteractionChange,
  type InteractionFollower,
  InteractionFollowers,
} from '../conversations/interaction-followers.js';
import { ApiSchemas } from '../http/api-schemas.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { GapRecorder } from '../notifications/gap-recorder.service.js';
import { AS_IT_IS, type OwnEvent, PushEvents } from '../push/publishing/push-events.js';
import type { AfterCommit } from '../storage/after-commit.js';
import { Database } from '../storage/database.js';
import type { Schema } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { EVENT_SCHEMAS } from './event.docs.js';
import { closingEvent, gapEvent, interactionEvent, interactionTag } from './event-bodies.js';

/**
 * Publishes what happens in the gateway on its own tags. An interaction's steps are published in the transactions that
 * store them; gaps and closings are told by nobody's transaction and are published as soon as they are known.
 */
@Injectable()
export class OwnEvents implements InteractionFollower {
  private readonly log: Log;
  private readonly tasks: BackgroundTasks;
  private subscription: Subscription | undefined;

  constructor(
    private readonly database: Database,
    private readonly followers: InteractionFollowers,
    private readonly fleet: ChannelFleet,
    private readonly gaps: GapRecorder,
    private readonly push: PushEvents,
    schemas: ApiSchemas,
    logs: Logs,
  ) {
    schemas.add(EVENT_SCHEMAS);
    this.log = logs.of('events');
    this.tasks = new BackgroundTasks((err) => this.log.warn({ err }, 'an event of ours could not be published'));
  }

  start(): void {
    if (!this.push.enabled) return;
    this.followers.add(this);
    const closings = this.fleet.signals$.pipe(
      filter(({ kind }) => kind === 'closing'),
      map(({ channel }) => closingEvent(channel.stored?.no ?? 0)),
    );
    this.subscription = merge(closings, this.gaps.told$.pipe(map(gapEvent))).subscribe((event) =>
      this.tasks.run('publish', () => this.publish(event)),
    );
  }

  async stop(): Promise<void> {
    this.subscription?.unsubscribe();
    await this.tasks.idle();
  }

  async changed(
    trx: Transaction<Schema>,
    changes: readonly InteractionChange[],
    afterCommit: AfterCommit,
  ): Promise<void> {
    const now = Date.now();
    const news = { tagOf: interactionTag, eventOf: (change: InteractionChange) => interactionEvent(change, now) };
    await this.push.publishIn(trx, changes, news, afterCommit);
  }

  private async publish(event: OwnEvent): Promise<void> {
    await this.database.transaction(async (trx, afterCommit) => {
      await this.push.publishIn(trx, [event], AS_IT_IS, afterCommit);
    });
  }
}
