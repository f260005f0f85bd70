import { join } from 'node:path';
import { sql } from 'kysely';
import { Checkpointer } from '../../src/storage/checkpointer.js';
import type { Database } from '../../src/storage/database.js';
import { Logs } from '../../src/telemetry/logs.js';
import { freshTarget, openDatabase } from '../helpers/databases.js';
import { eventually } from '../helpers/process-scene.js';

/** More than half of SQLite's page, so each row is a page of the log. */
const ROW_BYTES = 3_000;

/** Pages in the log, and those of them that are in the database too. */
async function logOf(database: Database): Promise<{ log: number; checkpointed: number }> {
  const result = await sql<{ log: number; checkpointed: number }>`pragma wal_checkpoint(noop)`.execute(database.db);
  return result.rows[0] ?? { log: -1, checkpointed: -1 };
}

async function write(database: Database, rows: number): Promise<void> {
  await sql`
    insert into filler (body)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${rows})
    select zeroblob(${ROW_BYTES}) from n`.execute(database.db);
}

describe('Checkpoints (sqlite)', () => {
  let database: Database;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    const fresh = await freshTarget('sqlite');
    remove = fresh.remove;
    database = await openDatabase(fresh.target);
    await sql`create table filler (body blob)`.execute(database.db);
  });

  afterEach(async () => {
    await database.close();
    await remove();
  });

  it('move the log to the database well before the main thread would', async () => {
    await write(database, 3_000);
    await eventually(async () => {
      const { log, checkpointed } = await logOf(database);
      return log >= 3_000 && checkpointed === log;
    });
  });

  it('let a long log begin anew', async () => {
    await write(database, 9_000);
    expect((await logOf(database)).log).toBeGreaterThanOrEqual(9_000);
    await eventually(async () => {
      await write(database, 1);
      return (await logOf(database)).log < 9_000;
    });
  });

  it('go on from the thread of the next opening', async () => {
    await database.close();
    await database.open();
    await write(database, 3_000);
    await eventually(async () => (await logOf(database)).checkpointed >= 3_000);
  });
});

describe('Checkpointer', () => {
  it('warns when its thread cannot open the database, and stops all the same', async () => {
    const { target, remove } = await freshTarget('sqlite');
    const lines: string[] = [];
    const logs = Logs.to({ level: 'warn', format: 'json' }, { write: (line) => void lines.push(line) });
    const checkpointer = new Checkpointer(logs.of('storage'), async () => undefined);
    checkpointer.start(join(target.kind === 'sqlite' ? target.file : '', 'missing', 'gateway.db'));
    await eventually(async () => lines.length > 0);
    expect(lines.join('')).toContain('the main thread does it from now on');
    await checkpointer.stop();
    await remove();
  });
});
