import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { Database } from '../storage/database.js';
import type { InteractionRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { idsForLogs } from './correlation.js';
import { InteractionFollowers } from './interaction-followers.js';
import { InteractionRepository } from './interaction.repository.js';

/** Ends the waiting of interactions whose time is over. Look-ups decide when: a last one comes before. */
@Injectable()
export class ExpiryService {
  /** Conversations of interactions that have expired. */
  readonly expired$: Observable<string>;
  private readonly expired = new Subject<string>();
  private readonly log: Log;

  constructor(
    private readonly database: Database,
    private readonly interactions: InteractionRepository,
    private readonly followers: InteractionFollowers,
    logs: Logs,
  ) {
    this.expired$ = this.expired.asObservable();
    this.log = logs.of('lookups');
  }

  /** Those of them that still wait and are past their time. @throws StorageUnavailableError */
  async expire(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.database.transaction(async (trx, afterCommit) => {
      const rows = await this.interactions.expire(trx, ids);
      const changes = rows.map((interaction) => ({ kind: 'expired', interaction }) as const);
      await this.followers.changed(trx, () => changes, afterCommit);
      for (const row of rows) afterCommit(() => this.tell(row));
    });
  }

  private tell(row: InteractionRow): void {
    this.log.warn(
      { ...idsForLogs(row), lastError: row.last_error_code ?? undefined },
      'expired: no after-call work within INTERACTION_TTL_HOURS, and none found',
    );
    this.expired.next(row.conversation_id);
  }
}
