import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { AuditLog } from '../../src/audit/audit-log.js';
import type { Config } from '../../src/config/config.js';
import { RetentionRepository } from '../../src/conversations/retention.repository.js';
import type { DeadLetters } from '../../src/delivery/dead-letters.js';
import { GapRepository } from '../../src/notifications/gap.repository.js';
import { ReplayRepository } from '../../src/replay/replay.repository.js';
import { RetentionService } from '../../src/retention/retention.service.js';
import type { Database } from '../../src/storage/database.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { eventually } from '../helpers/process-scene.js';
import { interactionRow } from '../helpers/rows.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describeEachDatabase('Retention', (getDb) => {
  let database: Database;
  let audit: AuditLog;
  let gaps: GapRepository;
  let replays: ReplayRepository;

  beforeEach(() => {
    database = getDb();
    audit = new AuditLog(database);
    gaps = new GapRepository(database);
    // Removing jobs needs no dead letters.
    replays = new ReplayRepository(database, undefined as unknown as DeadLetters);
  });

  const daysAgo = (days: number) => sql<number>`${database.now} - ${sql.lit(days * DAY_MS)}`;

  async function audited(...days: number[]): Promise<void> {
    for (const each of days) {
      const row = { actor: 'ops', action: 'replay.start', target: String(each), details: '{}' };
      await database.db
        .insertInto('audit')
        .values({ ...row, at: daysAgo(each) })
        .execute();
    }
  }

  async function job(id: string, status: 'running' | 'done' | 'stopped', madeDays: number, overDays?: number) {
    await database.db
      .insertInto('replay_jobs')
      .values({
        ...{ id, action: 'replay', filter: id, rate: 1, status, requested_by: 'ops', total: 0 },
        created_at: daysAgo(madeDays),
        updated_at: daysAgo(overDays ?? 0),
        finished_at: overDays === undefined ? null : daysAgo(overDays),
      })
      .execute();
  }

  async function gap(id: string, closedDays?: number): Promise<void> {
    await gaps.open({ id, channelNo: undefined, reason: 'restart', from: 0, topics: 1, owner: 'someone' });
    if (closedDays === undefined) return;
    await database.db
      .updateTable('gaps')
      .set({ to_at: daysAgo(closedDays) })
      .where('id', '=', id)
      .execute();
  }

  async function left(table: 'audit' | 'gaps' | 'replay_jobs', column: string): Promise<unknown[]> {
    const { rows } = await sql<{ v: unknown }>`select ${sql.ref(column)} as v from ${sql.table(table)}`.execute(
      database.db,
    );
    return rows.map(({ v }) => v).sort();
  }

  it('removes rows of the audit when they are old, some at a time', async () => {
    await audited(500, 450, 401, 399, 0);
    expect(await audit.removeOld(400 * DAY_MS, 2)).toBe(2);
    expect(await audit.removeOld(400 * DAY_MS, 2)).toBe(1);
    expect(await audit.removeOld(400 * DAY_MS, 2)).toBe(0);
    expect(await left('audit', 'target')).toEqual(['0', '399']);
  });

  it('looks at the oldest rows of the audit only', async () => {
    await audited(1, 1, 500);
    expect(await audit.removeOld(400 * DAY_MS, 2)).toBe(0);
    expect(await left('audit', 'target')).toEqual(['1', '1', '500']);
  });

  it('gives no number of the audit again, so that pages stay what they are', async () => {
    await audited(500);
    const [before] = await left('audit', 'seq');
    await audit.removeOld(400 * DAY_MS, 10);
    await audited(0);
    expect(Number((await left('audit', 'seq'))[0])).toBeGreaterThan(Number(before));
  });

  it('removes jobs that were over long ago, and no other', async () => {
    await job('done-old', 'done', 40, 31);
    await job('stopped-old', 'stopped', 40, 31);
    await job('done-late', 'done', 40, 29);
    await job('running-old', 'running', 40);
    expect(await replays.removeFinished(30 * DAY_MS, 1)).toBe(1);
    expect(await replays.removeFinished(30 * DAY_MS, 10)).toBe(1);
    expect(await left('replay_jobs', 'id')).toEqual(['done-late', 'running-old']);
  });

  it('removes gaps that were closed long ago, and no other', async () => {
    await gap('old', 31);
    await gap('older', 32);
    await gap('late', 29);
    await gap('open');
    expect(await gaps.removeClosed(30 * DAY_MS, 1)).toBe(1);
    expect(await gaps.removeClosed(30 * DAY_MS, 10)).toBe(1);
    expect(await left('gaps', 'id')).toEqual(['late', 'open']);
  });

  it('keeps an expired interaction that is still to be asked for once more', async () => {
    const old = Date.now() - 3 * DAY_MS;
    const expired = { status: 'expired', accepted_at: old, expired_at: old } as const;
    await database.db
      .insertInto('interactions')
      .values([
        interactionRow({ ...expired, id: 'asked' }),
        interactionRow({ ...expired, id: 'to-be-asked', late_lookup_at: Date.now() + 1_000 }),
      ])
      .execute();
    expect(await new RetentionRepository(database).removeFinished(DAY_MS, 10)).toBe(1);
    expect(await database.db.selectFrom('interactions').select('id').execute()).toEqual([{ id: 'to-be-asked' }]);
  });

  it('removes all that is old when the service starts, each after its own time', async () => {
    const id = randomUUID();
    await database.db
      .insertInto('interactions')
      .values(interactionRow({ id, status: 'cancelled' }))
      .execute();
    await database.db.updateTable('interactions').set({ cancelled_at: 1 }).execute();
    await job('old', 'done', 40, 31);
    await gap('old', 31);
    await audited(...Array.from({ length: 501 }, () => 401), 31);
    const config = { interactions: { retentionMs: 30 * DAY_MS }, audit: { keptMs: 400 * DAY_MS } };
    const interactions = new RetentionRepository(database);
    const retention = new RetentionService(config as Config, interactions, replays, gaps, audit, Logs.silent());
    retention.start();
    await eventually(async () => (await left('audit', 'target')).length === 1);
    await retention.stop();
    expect(await left('audit', 'target')).toEqual(['31']);
    expect(await left('replay_jobs', 'id')).toEqual([]);
    expect(await left('gaps', 'id')).toEqual([]);
    expect(await database.db.selectFrom('interactions').select('id').execute()).toEqual([]);
  });
});
