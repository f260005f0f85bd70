import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { firstValueFrom, filter, timeout } from 'rxjs';
import pg from 'pg';
import type { Database } from '../../src/storage/database.js';
import { REPLICA_LOCK_CLASS, ReplicaRepository } from '../../src/storage/replica.repository.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase, freshTarget, openDatabase } from '../helpers/databases.js';
import { channelRow, deliveryRow, gapRow, interactionRow } from '../helpers/rows.js';

function replicaOn(database: Database, leaseMs = 30_000): ReplicaService {
  return new ReplicaService({ replica: { leaseMs } }, database, new ReplicaRepository(database), Logs.silent());
}

/** A replica that died with its lease run out, as a row shows it. */
async function deadReplica({ db }: Database): Promise<string> {
  const id = randomUUID();
  await db.insertInto('replicas').values({ id, started_at: 1, lease_until: 1 }).execute();
  return id;
}

describeEachDatabase('ReplicaService', (getDb) => {
  const running: ReplicaService[] = [];

  async function started(database = getDb()): Promise<ReplicaService> {
    const replica = replicaOn(database);
    running.push(replica);
    await replica.start();
    return replica;
  }

  afterEach(async () => {
    await Promise.all(running.splice(0).map((replica) => replica.stop()));
  });

  it('is live with a row of its own, and leaves none when it stops', async () => {
    const replica = await started();
    expect(replica.state).toBe('live');
    const row = await getDb().db.selectFrom('replicas').selectAll().executeTakeFirstOrThrow();
    expect(row.id).toBe(replica.id);
    expect(Math.abs(row.lease_until - row.started_at - 30_000)).toBeLessThan(100);
    await replica.stop();
    expect(replica.state).toBe('stopped');
    expect(await getDb().db.selectFrom('replicas').selectAll().execute()).toEqual([]);
  });

  it('takes over what a dead replica had under way, and nothing that is finished', async () => {
    const { db } = getDb();
    const dead = await deadReplica(getDb());
    await db
      .insertInto('interactions')
      .values([
        interactionRow({ id: 'waiting', owner: dead, status: 'listening' }),
        interactionRow({ id: 'finished', owner: dead, status: 'delivered' }),
      ])
      .execute();
    await db
      .insertInto('channels')
      .values(channelRow({ owner: dead }))
      .execute();
    await db
      .insertInto('gaps')
      .values([gapRow({ id: 'open', owner: dead }), gapRow({ id: 'shut', owner: dead, to_at: 2 })])
      .execute();
    const claim = { state: 'claimed', claim: 'x', claimed_by: dead, claimed_until: 1, due_at: 1 } as const;
    await db
      .insertInto('deliveries')
      .values(deliveryRow({ id: 'in-flight', ...claim, attempts: 2 }))
      .execute();

    const replica = await started();
    expect(await replica.takeOver()).toEqual([dead]);

    const owners = await db.selectFrom('interactions').select(['id', 'owner']).orderBy('id').execute();
    expect(owners).toEqual([
      { id: 'finished', owner: dead },
      { id: 'waiting', owner: replica.id },
    ]);
    expect(await db.selectFrom('channels').select('owner').execute()).toEqual([{ owner: replica.id }]);
    const gaps = await db.selectFrom('gaps').select(['id', 'owner']).orderBy('id').execute();
    expect(gaps).toEqual([
      { id: 'open', owner: replica.id },
      { id: 'shut', owner: dead },
    ]);
    const delivery = await db.selectFrom('deliveries').selectAll().executeTakeFirstOrThrow();
    expect(delivery).toMatchObject({ state: 'pending', crashes: 1, attempts: 2, claim: null, claimed_by: null });
    expect(delivery.due_at).toBeGreaterThan(1_700_000_000_000);
    expect(await db.selectFrom('replicas').select('id').execute()).toEqual([{ id: replica.id }]);
    expect(await replica.takeOver()).toEqual([]);
  });

  it('adopts what an owner left that has no row any more', async () => {
    await getDb()
      .db.insertInto('channels')
      .values(channelRow({ owner: 'stopped long ago' }))
      .execute();
    const replica = await started();
    expect(await replica.takeOver()).toEqual(['stopped long ago']);
    expect(await getDb().db.selectFrom('channels').select('owner').execute()).toEqual([{ owner: replica.id }]);
  });

  it('finds out at the first question that it stood still, except where nobody else can take over', async () => {
    const replica = await started();
    const told: string[] = [];
    replica.lost$.subscribe(() => told.push('lost'));
    expect(replica.held).toBe(true);
    const now = performance.now.bind(performance);
    const stoodStill = jest.spyOn(performance, 'now').mockImplementation(() => now() + 39_000);
    try {
      const held = replica.held;
      // Whoever listens has let go of everything by the time that the answer is there.
      expect({ held, told }).toEqual(
        getDb().kind === 'sqlite' ? { held: true, told: [] } : { held: false, told: ['lost'] },
      );
    } finally {
      stoodStill.mockRestore();
    }
    await firstValueFrom(replica.state$.pipe(filter((state) => state === 'live')));
    expect(replica.held).toBe(true);
  });

  it('is lost while the database is away for longer than its lease, except where nobody else can take over', async () => {
    const replica = replicaOn(getDb(), 600);
    running.push(replica);
    await replica.start();
    const states: string[] = [];
    replica.state$.subscribe((state) => states.push(state));
    const lost = firstValueFrom(replica.lost$, { defaultValue: undefined });
    await getDb().close();
    try {
      // What does not come can only be waited for: twice the lease.
      await (getDb().kind === 'sqlite' ? setTimeout(1_200) : lost);
    } finally {
      await getDb().open();
    }
    expect(states).toEqual(getDb().kind === 'sqlite' ? ['live'] : ['live', 'lost']);
    await firstValueFrom(replica.state$.pipe(filter((state) => state === 'live')));
  });

  it('takes nothing over unless it is live itself', async () => {
    await deadReplica(getDb());
    expect(await replicaOn(getDb()).takeOver()).toEqual([]);
  });
});

describe('ReplicaService with several replicas on PostgreSQL', () => {
  let first: Database;
  let second: Database;

  beforeAll(async () => {
    const { target } = await freshTarget('postgres');
    first = await openDatabase(target);
    second = await openDatabase(target);
  });

  beforeEach(async () => {
    await first.db.deleteFrom('channels').execute();
    await first.db.deleteFrom('replicas').execute();
  });

  afterAll(async () => {
    await first.close();
    await second.close();
  });

  it('leaves a living replica alone, and finds it dead as soon as its connection is gone', async () => {
    const alive = replicaOn(first);
    const observer = replicaOn(second);
    await alive.start();
    await observer.start();
    expect(await observer.takeOver()).toEqual([]);

    // What a process leaves when it is killed: its row with a good lease, and a lock that the server freed.
    const killed = randomUUID();
    await first.db
      .insertInto('replicas')
      .values({ id: killed, started_at: 1, lease_until: Date.now() + 60_000 })
      .execute();
    await first.db
      .insertInto('channels')
      .values(channelRow({ owner: killed }))
      .execute();
    expect(await observer.takeOver()).toEqual([killed]);

    await alive.stop();
    await observer.stop();
  });

  it('has one winner when two take over the same dead replica', async () => {
    const replicas = [replicaOn(first), replicaOn(second)];
    await Promise.all(replicas.map((replica) => replica.start()));
    const dead = await deadReplica(first);
    await first.db
      .insertInto('channels')
      .values(channelRow({ owner: dead }))
      .execute();
    const taken = await Promise.all(replicas.map((replica) => replica.takeOver()));
    expect(taken.flat()).toEqual([dead]);
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  it('takes its lock again when the connection breaks, before anybody believes it dead', async () => {
    const replica = replicaOn(first);
    const observer = replicaOn(second);
    await replica.start();
    await observer.start();
    await endLockConnections(first.postgresUrl ?? '');
    expect(await observer.takeOver()).toEqual([]);
    expect(replica.state).toBe('live');
    await replica.stop();
    await observer.stop();
  });

  it('believes a free lock only after a while', async () => {
    const observer = replicaOn(second);
    await observer.start();
    const id = randomUUID();
    const row = { id, started_at: 1, lease_until: Date.now() + 60_000 };
    const { lock_key } = await first.db
      .insertInto('replicas')
      .values(row)
      .returning('lock_key')
      .executeTakeFirstOrThrow();
    const taking = observer.takeOver();
    // Time enough for the look that found it free, and for a hasty one to act on it.
    for (let i = 0; i < 50; i++) await first.check();
    const relocked = new pg.Client({ connectionString: first.postgresUrl });
    await relocked.connect();
    await relocked.query('select pg_advisory_lock($1, $2)', [REPLICA_LOCK_CLASS, lock_key]);
    expect(await taking).toEqual([]);
    await relocked.end();
    await observer.stop();
  });

  it('asks again, inside the transaction, whether a suspect is dead', async () => {
    const alive = replicaOn(first);
    await alive.start();
    const { lock_key } = await first.db.selectFrom('replicas').select('lock_key').executeTakeFirstOrThrow();
    const suspects = [{ id: alive.id, lockKey: lock_key, leaseOver: false }];
    expect(await new ReplicaRepository(second).inherit(randomUUID(), suspects)).toEqual([]);
    expect(await first.db.selectFrom('replicas').select('id').execute()).toEqual([{ id: alive.id }]);
    await alive.stop();
  });

  it('says that it is lost when another took it over, and lives again under the same id', async () => {
    const replica = replicaOn(first);
    await replica.start();
    const lost = firstValueFrom(replica.lost$.pipe(timeout(10_000)));
    await second.db.deleteFrom('replicas').execute();
    await endLockConnections(first.postgresUrl ?? '');
    await lost;
    await firstValueFrom(
      replica.state$.pipe(
        filter((state) => state === 'live'),
        timeout(10_000),
      ),
    );
    const rows = await first.db.selectFrom('replicas').select('id').execute();
    expect(rows).toEqual([{ id: replica.id }]);
    await replica.stop();
  });
});

async function endLockConnections(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'genesys-gateway replica lock'`,
  );
  await client.end();
}
