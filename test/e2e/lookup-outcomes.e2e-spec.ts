import { randomUUID } from 'node:crypto';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import type { StorageTarget } from '../../src/config/config.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { type Accepted, eventually, interaction, ledgerOf, ProcessScene } from '../helpers/process-scene.js';
import { KEYS } from '../helpers/environment.js';

/** Somebody else at the gateway's database, who does what no gateway does. */
interface OtherHand {
  run(text: string): Promise<unknown>;
  rows(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<unknown>;
}

async function otherHand(target: StorageTarget): Promise<OtherHand> {
  if (target.kind === 'sqlite') {
    const file = new BetterSqlite(target.file);
    return {
      run: async (text) => file.exec(text),
      rows: async (text) => file.prepare(text).all() as Record<string, unknown>[],
      close: async () => file.close(),
    };
  }
  const client = new pg.Client(target.url);
  await client.connect();
  return {
    run: (text) => client.query(text),
    rows: async (text) => (await client.query(text)).rows as Record<string, unknown>[],
    close: () => client.end(),
  };
}

describe.each(['sqlite', 'postgres'] as const)('what look-ups come to (%s)', (kind) => {
  let scene: ProcessScene;
  let gateway: GatewayProcess;
  let database: OtherHand;

  beforeEach(async () => {
    scene = await ProcessScene.open(kind, { GENESYS_REQUESTS_PER_MINUTE: '300' });
    gateway = await scene.start();
    database = await otherHand(scene.target);
  });

  afterEach(async () => {
    await database.close();
    await scene.close();
  });

  const acceptSome = async (count: number): Promise<Accepted[]> => {
    const accepted: Accepted[] = [];
    // Not all at once: the gateway has five connections to PostgreSQL here.
    for (let n = 0; n < count; n++) accepted.push(await scene.accept(gateway, randomUUID()));
    await scene.subscribed(...accepted);
    // Stored a moment later, with the time of the first look-up: what a test sets before that would be lost.
    await eventually(async () => {
      const [row] = await database.rows(`select count(*) as n from interactions where status = 'accepted'`);
      return Number(row?.['n']) === 0;
    }, 10_000);
    return accepted;
  };

  const missEvent = ({ conversationId }: Accepted): void =>
    void scene.simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true });

  /** Records of this interaction are refused, with an error that quotes a customer. */
  async function refuseRecordsOf({ id }: Accepted): Promise<() => Promise<void>> {
    const fits = `new.subject_id = '${id}'`;
    const { run } = database;
    if (kind === 'sqlite') {
      await run(`create trigger refusing before insert on deliveries when ${fits}
        begin select raise(abort, 'Mrs Miller'); end`);
      return async () => void (await run('drop trigger refusing'));
    }
    await run(`create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'Mrs Miller'; end $$`);
    await run(`create trigger refusing before insert on deliveries for each row when (${fits})
      execute function refuse()`);
    return async () => void (await run('drop trigger refusing on deliveries'));
  }

  async function lookupsOf({ id }: Accepted): Promise<{ failures: number; waitMs: number }> {
    const [row] = await database.rows(
      `select lookup_failures, lookup_at - last_error_at as wait_ms from interactions where id = '${id}'`,
    );
    return { failures: Number(row?.['lookup_failures']), waitMs: Number(row?.['wait_ms']) };
  }

  const lookUpNow = ({ id }: Accepted): Promise<unknown> =>
    database.run(`update interactions set lookup_at = 0 where id = '${id}'`);

  it('tells of found work that cannot be stored, waits longer each time, and stores it once it can', async () => {
    const [bad, good] = (await acceptSome(2)) as [Accepted, Accepted];
    const allow = await refuseRecordsOf(bad);
    missEvent(bad);
    missEvent(good);
    for (const [failures, waitMs] of [
      [1, 15_000],
      [2, 30_000],
      [3, 60_000],
    ] as const) {
      await lookUpNow(bad);
      await eventually(async () => (await lookupsOf(bad)).failures === failures, 10_000);
      // Both times are of one statement, for which PostgreSQL's clock does not stop.
      expect(Math.abs((await lookupsOf(bad)).waitMs - waitMs)).toBeLessThan(1_000);
    }
    expect(await interaction(gateway, bad)).toMatchObject({
      status: 'listening',
      lastError: { code: 'capture.failed', message: expect.stringContaining('could not be stored') },
    });
    // It went along.
    await scene.sent([good]);
    await allow();
    await lookUpNow(bad);
    await scene.sent([bad]);
    await scene.delivered(gateway, 2);
    await scene.expectOnce(gateway, [bad, good]);
    const told = gateway.logs.filter((line) => line['code'] === 'capture.failed');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ level: 'warn', interaction: bad.id, conversation: bad.conversationId });
    expect(JSON.stringify(gateway.logs)).not.toContain('Miller');
  }, 60_000);

  it("finds by look-up what an event told and could not be stored, without the database's words in the log", async () => {
    const [bad] = (await acceptSome(1)) as [Accepted];
    const allow = await refuseRecordsOf(bad);
    scene.simulator.genesys.conversations.finishWork(bad.conversationId);
    await gateway.logged((line) => line.msg === 'after-call work could not be stored');
    await allow();
    await lookUpNow(bad);
    await scene.sent([bad]);
    await scene.delivered(gateway, 1);
    await scene.expectOnce(gateway, [bad]);
    expect(JSON.stringify(gateway.logs)).not.toContain('Miller');
  }, 60_000);

  it('asks for what was missed before it asks once more for each of many whose time is over', async () => {
    const over = await acceptSome(120);
    const missed = await acceptSome(5);
    missed.forEach(missEvent);
    const { requests } = scene.simulator.genesys;
    const before = requests.length;
    const isOver = `id in (${over.map(({ id }) => `'${id}'`).join(',')})`;
    await database.run(`update interactions set lookup_at = case when ${isOver} then 0 else 1 end,
      expires_at = case when ${isOver} then 1 else expires_at end`);
    await scene.sent(missed, 20_000);
    await eventually(async () => (await ledgerOf(gateway))['expired'] === over.length, 40_000);
    const paths = requests.slice(before).map(({ path }) => path);
    // On a busy machine some of them may have had their own first look-up before.
    const asked = Math.max(
      ...missed.map(({ conversationId }) => paths.findIndex((path) => path.includes(conversationId))),
    );
    const alone = (path: string): boolean => /\/conversations\/[0-9a-f-]{36}$/.test(path);
    expect(asked).toBeGreaterThanOrEqual(0);
    // One round of last questions may be under way.
    expect(paths.slice(0, asked).filter(alone).length).toBeLessThanOrEqual(25);
    const unasked = over.filter(({ conversationId }) => !paths.some((path) => path.endsWith(`/${conversationId}`)));
    expect(unasked).toEqual([]);
    await scene.delivered(gateway, missed.length);
  }, 90_000);

  it('finds by look-up the work of events that seem too old where the clocks differ, and tells it once', async () => {
    scene.simulator.genesys.configure({ clockOffsetMs: -5 * 60_000 });
    const accepted = await acceptSome(3);
    for (const { conversationId } of accepted) {
      expect(scene.simulator.genesys.conversations.finishWork(conversationId).sentTo).toHaveLength(1);
    }
    await scene.delivered(gateway, accepted.length);
    await scene.expectOnce(gateway, accepted);
    const sources = [...scene.simulator.history.records.values()].map(
      (record) => (record as { obtainedBy: string }).obtainedBy,
    );
    expect(sources).toEqual(['lookup', 'lookup', 'lookup']);
    const metrics = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${KEYS.metrics}` } });
    expect(await metrics.text()).toMatch(/^gateway_events_too_old_total(\{.*\})? 3$/m);
    expect(gateway.logs.filter(({ msg }) => msg.includes('ended more than 60 s before'))).toHaveLength(1);
  }, 40_000);
});
