import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { GapRepository } from '../notifications/gap.repository.js';
import { Database } from '../storage/database.js';
import { jsonList } from '../storage/json-rows.js';
import { gapView, type GapView } from './operations.views.js';

/** Gaps, with what they still leave open. */
@Injectable()
export class GapReport {
  constructor(
    private readonly database: Database,
    private readonly gaps: GapRepository,
  ) {}

  /** Newest first. */
  async list(limit: number): Promise<GapView[]> {
    const rows = await this.gaps.list(limit);
    const waiting = await this.waitingOf(rows.map((row) => row.id));
    return rows.map((row) => gapView(row, waiting.get(row.id) ?? 0));
  }

  /** Interactions whose last gap was this one, and that still wait for their after-call work. */
  private async waitingOf(gapIds: readonly string[]): Promise<Map<string, number>> {
    const { db, kind } = this.database;
    const { rows } = await sql<{ gap_id: string; count: number }>`
      select gap_id, count(*) as count from interactions
      where gap_id in ${jsonList(kind, gapIds)} and status in ('accepted', 'listening')
      group by gap_id`.execute(db);
    return new Map(rows.map((row) => [row.gap_id, row.count]));
  }
}
