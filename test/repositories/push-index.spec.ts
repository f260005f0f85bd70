import { randomUUID } from 'node:crypto';
import { Database } from '../../src/storage/database.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { testConfig } from '../../src/config/testing/test-config.js';
import { OwnEventsRight } from '../../src/push/subscriptions/own-events-right.js';
import { SubscriptionIndex } from '../../src/push/subscriptions/subscription-index.js';
import { SubscriptionRepository } from '../../src/push/subscriptions/subscription.repository.js';
import { describeEachDatabase } from '../helpers/databases.js';

/** What one process knows and does. */
class Replica {
  readonly rows: SubscriptionRepository;
  readonly index: SubscriptionIndex;

  constructor(private readonly database: Database) {
    this.rows = new SubscriptionRepository(database);
    this.index = new SubscriptionIndex(database, this.rows, new OwnEventsRight(testConfig()), new Metrics());
  }

  async subscribe(
    filter: string,
    but: { subscriberId?: string; expireMs?: number; createdBy?: string; ownEvents?: boolean } = {},
  ): Promise<string> {
    const id = randomUUID();
    await this.change((trx, changeNo) => {
      const device = {
        type: 'httpcb',
        deviceId: 'http://x/',
        properties: {},
        debug: false,
        providerName: 'default',
      } as const;
      const draft = { id, filter, device, language: undefined, destination: 'http://x', authorization: null };
      const rest = { subscriberId: 's', createdBy: 'test', ownEvents: true, expireMs: 60_000, ...but };
      return this.rows.insert(trx, { ...draft, ...rest }, changeNo);
    });
    return id;
  }

  async end(...ids: string[]): Promise<void> {
    await this.change((trx, changeNo) => this.rows.end(trx, ids, 'deleted', changeNo));
  }

  async match(tag: string): Promise<string[]> {
    return this.database.transaction(async (trx) => {
      const { match } = await this.index.asOf(trx);
      return match(tag).map(({ id }) => id);
    });
  }

  private async change(
    work: (trx: Parameters<SubscriptionRepository['insert']>[0], changeNo: number) => Promise<unknown>,
  ): Promise<void> {
    const no = await this.database.transaction(async (trx) => {
      const changeNo = await this.rows.nextChange(trx);
      await work(trx, changeNo);
      return changeNo;
    });
    await this.index.learn(no);
  }
}

describeEachDatabase('SubscriptionIndex', (getDb) => {
  let replica: Replica;
  beforeEach(async () => {
    await getDb().db.deleteFrom('push_subscriptions').execute();
    replica = new Replica(getDb());
    await replica.index.load();
  });

  it('knows what was committed, and what was ended', async () => {
    const [a, b] = [await replica.subscribe('x.*'), await replica.subscribe('x.y')];
    expect((await replica.match('x.y')).sort()).toEqual([a, b].sort());
    await replica.end(a);
    expect(await replica.match('x.y')).toEqual([b]);
    expect(replica.index.size).toBe(1);
  });

  it('loads everything that is there, more than a page of it', async () => {
    await getDb().transaction(async (trx) => {
      const changeNo = await replica.rows.nextChange(trx);
      for (let i = 0; i < 2_500; i++) {
        const device = { type: 'comet', deviceId: 'u', properties: {}, debug: false, providerName: 'p' } as const;
        const draft = { device, language: undefined, destination: 'comet:u', authorization: null, createdBy: 'test' };
        const rest = { id: randomUUID(), filter: `f${i}`, subscriberId: `s${i}`, ownEvents: true, expireMs: 60_000 };
        await replica.rows.insert(trx, { ...draft, ...rest }, changeNo);
      }
    });
    const loaded = new Replica(getDb());
    await loaded.index.load();
    expect(loaded.index.size).toBe(2_500);
    expect(await loaded.match('f2499')).toHaveLength(1);
    // The other way: all of them as one change.
    await replica.index.refresh();
    expect(await replica.match('f0')).toHaveLength(1);
    expect(replica.index.size).toBe(2_500);
  });

  it('does not match what has expired, marked or not', async () => {
    const id = await replica.subscribe('x', { expireMs: 0 });
    expect(await replica.match('x')).toEqual([]);
    expect(await replica.rows.expired(10)).toEqual([id]);
    expect(await replica.rows.activeOf(getDb().db, { id }, undefined, 1)).toEqual([]);
  });

  it('stays as it was when a change is rolled back', async () => {
    const kept = await replica.subscribe('x');
    const failing = getDb().transaction(async (trx) => {
      const changeNo = await replica.rows.nextChange(trx);
      await replica.rows.end(trx, [kept], 'deleted', changeNo);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect(await replica.match('x')).toEqual([kept]);
    const next = await replica.subscribe('x');
    expect((await replica.match('x')).sort()).toEqual([kept, next].sort());
  });

  it('takes nothing from a transaction whose commit fails', async () => {
    const lost = randomUUID();
    const insert = async (trx: Parameters<SubscriptionRepository['insert']>[0]) => {
      const device = { type: 'comet', deviceId: 'u', properties: {}, debug: false, providerName: 'p' } as const;
      const draft = { id: lost, subscriberId: 's', filter: 'x', device, language: undefined, destination: 'comet:u' };
      const rest = { authorization: null, createdBy: 'test', ownEvents: true, expireMs: 60_000 };
      await replica.rows.insert(trx, { ...draft, ...rest }, await replica.rows.nextChange(trx));
    };
    const kept = await replica.subscribe('x');
    const failing = getDb().transaction(async (trx) => {
      // Under SQLite somebody who publishes may share the transaction of somebody who subscribes.
      await insert(trx);
      if (getDb().kind === 'sqlite') await replica.index.asOf(trx);
      throw new Error('database or disk is full');
    });
    await expect(failing).rejects.toThrow('full');
    const next = await replica.subscribe('x');
    expect((await replica.match('x')).sort()).toEqual([kept, next].sort());
  });

  it('knows who hears the gateway’s own events, and forgets it for a key that has lost the role', async () => {
    await replica.subscribe('*', { ownEvents: false });
    await replica.subscribe('x.*');
    // In the tests' configuration the key "bofe" has the role intake, and "gone" is not configured.
    await replica.subscribe('genesys.*', { createdBy: 'bofe' });
    const hears = () =>
      getDb().transaction(async (trx) => (await replica.index.asOf(trx)).hasOwn('genesys.conversation.a.acw'));
    expect(await hears()).toBe(false);
    const heard = await replica.subscribe('genesys.conversation.*', { createdBy: 'gone' });
    expect(await hears()).toBe(true);
    await replica.end(heard);
    expect(await hears()).toBe(false);
  });

  it('pages through those that were there, the oldest first', async () => {
    const all = [];
    for (const filter of ['*', 'x', 'x.y', 'x.*', '*', 'x.y']) all.push(await replica.subscribe(filter));
    const page = (after: number, upTo: number) =>
      getDb().transaction(async (trx) => {
        const matcher = await replica.index.asOf(trx);
        return matcher.page({ tag: 'x.y', isOwn: false, after, upTo, providerName: undefined, limit: 2 });
      });
    const { changeNo } = await replica.rows.latestChange(getDb().db);
    const [first, second] = await page(0, changeNo - 1);
    expect([first?.id, second?.id]).toEqual([all[0], all[2]]);
    const rest = await page(second?.madeNo ?? 0, changeNo - 1);
    expect(rest.map(({ id }) => id)).toEqual([all[3], all[4]]);
    expect(await page(rest[1]?.madeNo ?? 0, changeNo - 1)).toEqual([]);
  });

  it('counts a subscriber’s active ones up to the limit', async () => {
    const isFull = (limit: number) =>
      getDb().transaction((trx) => replica.rows.isFull(trx, 'subscriber_id', 's', limit));
    const [id] = [
      await replica.subscribe('x'),
      await replica.subscribe('y'),
      await replica.subscribe('z', { expireMs: 0 }),
    ];
    expect([await isFull(2), await isFull(3)]).toEqual([true, false]);
    await replica.end(id);
    expect(await isFull(2)).toBe(false);
  });

  it('removes what ended long ago, and nothing else', async () => {
    const [a, b] = [await replica.subscribe('x'), await replica.subscribe('x')];
    await replica.end(a);
    expect(await replica.rows.removeEnded(60_000, 10)).toBe(0);
    await getDb().db.updateTable('push_subscriptions').set({ ended_at: 1 }).where('id', '=', a).execute();
    expect(await replica.rows.removeEnded(60_000, 10)).toBe(1);
    expect(await replica.match('x')).toEqual([b]);
  });

  it('is exact across replicas that change it at the same time', async () => {
    // SQLite has one process, so there the second one is the first.
    const other = getDb().kind === 'postgres' ? new Replica(getDb()) : replica;
    if (other !== replica) await other.index.load();
    const work = Array.from({ length: 60 }, async (_, i) => {
      const [one, two] = i % 2 === 0 ? [replica, other] : [other, replica];
      const tag = `t${i}`;
      const id = await one.subscribe(tag);
      // It was answered, so everybody knows it.
      expect(await two.match(tag)).toEqual([id]);
      if (i % 3 === 0) {
        await two.end(id);
        expect(await one.match(tag)).toEqual([]);
      }
    });
    await Promise.all(work);
    for (const each of [replica, other]) {
      await each.match('nothing');
      expect(each.index.size).toBe(40);
    }
  });
});
