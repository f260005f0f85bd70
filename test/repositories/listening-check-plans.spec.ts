import { sql } from 'kysely';
import { ListeningCheckRepository } from '../../src/conversations/listening-check.repository.js';
import type { Database } from '../../src/storage/database.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { pagesOf, plansOf, WALK } from '../helpers/plans.js';

const OWNER = 'replica-1';
/** As many as 19 channels hold. */
const WAITING = 19_000;
const PAGE = 500;

describeEachDatabase('The comparison of what waits and what is wanted', (getDb) => {
  let database: Database;
  let repository: ListeningCheckRepository;

  beforeEach(async () => {
    database = getDb();
    repository = new ListeningCheckRepository(database);
    // After a gap all are to be looked up at the same time.
    await sql`
      with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${sql.lit(WAITING)})
      insert into interactions (id, conversation_id, customer_id, agent_id, request_hash, status, owner, accepted_at, expires_at, lookup_at)
      select 'i' || n, 'c' || n, 'k', '', 'h', 'listening', ${OWNER}, 1, 2, 1 from numbers where true`.execute(
      database.db,
    );
    if (database.kind === 'postgres') await sql`vacuum analyze interactions`.execute(database.db);
  });

  it('reads those who wait in pages, each along the index from where the last one ended', async () => {
    const [first] = await plansOf(database, () => repository.waitingAfter(undefined, OWNER, PAGE));
    const last = (await repository.waitingAfter(undefined, OWNER, PAGE)).at(-1);
    const [next] = await plansOf(database, () => repository.waitingAfter(last, OWNER, PAGE));
    for (const plan of [first, next]) {
      expect(plan).toMatch(/interactions_waiting_owner/);
      expect(plan).not.toMatch(WALK);
      expect(plan).not.toMatch(/Sort|TEMP B-TREE/);
    }
  });

  it('touches as many pages of the database for the last page of 19,000 as for the first', async () => {
    if (database.kind === 'sqlite') return;
    let last = (await repository.waitingAfter(undefined, OWNER, PAGE)).at(-1);
    const first = await pagesOf(database, () => repository.waitingAfter(undefined, OWNER, PAGE));
    let pages = 0;
    let seen = PAGE;
    while (seen < WAITING) {
      const from = last;
      pages = await pagesOf(database, async () => {
        const page = await repository.waitingAfter(from, OWNER, PAGE);
        seen += page.length;
        last = page.at(-1);
      });
    }
    expect(seen).toBe(WAITING);
    // A row each, which lie anywhere, and some of the index.
    expect(first).toBeLessThan(1.2 * PAGE);
    expect(pages).toBeLessThan(1.2 * PAGE);
  });

  it('finds for whom nobody waits by the conversations', async () => {
    const conversations = Array.from({ length: PAGE }, (_, n) => `c${n + WAITING - PAGE / 2}`);
    const [plan] = await plansOf(database, () => repository.idleAmong(conversations, OWNER));
    expect(plan).toMatch(/interactions_key|sqlite_autoindex_interactions_2/);
    expect(plan).not.toMatch(WALK);
  });
});
