import type { KyselyPlugin } from 'kysely';
import { randomUUID } from 'node:crypto';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { PushPendingRepository } from '../../src/operations/push-pending.repository.js';
import type { Database } from '../../src/storage/database.js';
import { describeEachDatabase } from '../helpers/databases.js';

describeEachDatabase('PushPendingRepository', (getDb) => {
  const wait = (destination: string): Promise<unknown> =>
    getDb().transaction((trx) =>
      new DeliveryRepository(getDb()).insert(trx, [
        {
          id: randomUUID(),
          sink: 'push',
          orderKey: destination,
          subjectId: 's',
          payload: '{}',
          receivedAt: 5,
          destination,
        },
      ]),
    );
  const claim = (destination: string): Promise<unknown> =>
    getDb().db.updateTable('deliveries').set({ state: 'claimed' }).where('destination', '=', destination).execute();

  /** The database, with something that happens between a repository's first statement and its second. */
  function between(happens: () => Promise<unknown>): Database {
    let statements = 0;
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        statements += 1;
        if (statements === 1) await happens();
        return result;
      },
    };
    return { db: getDb().db.withPlugin(plugin), now: getDb().now } as Database;
  }

  it('goes on to the next page although what waited on this one was claimed meanwhile', async () => {
    for (const destination of ['a', 'b', 'c', 'd']) await wait(destination);
    const interrupted = new PushPendingRepository(between(() => claim('b')));
    const { rows, next } = await interrupted.page('', 2);
    expect(rows.map(({ destination }) => destination)).toEqual(['a']);
    expect(next).toBe('b');
    const rest = await new PushPendingRepository(getDb()).page('b', 2);
    expect(rest.rows.map(({ destination }) => destination)).toEqual(['c', 'd']);
    expect(rest.next).toBeUndefined();
  });
});
