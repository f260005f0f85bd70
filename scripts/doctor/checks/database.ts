import { DatabaseVisit } from '../../../src/storage/database-visit.js';
import { describeTarget } from '../../../src/storage/storage.errors.js';
import { type Check, failure, ok, reasonOf, type Verdict } from '../check.js';

const READ_ONLY =
  'The gateway writes. A standby, or a server that was set read-only: let DATABASE_URL name the primary. A file: its volume, and the rights of the user that runs the gateway.';

/** SQLSTATE 25006, and SQLite's own. */
const READ_ONLY_CODE = /^(25006$|SQLITE_READONLY)/;
/** insufficient_privilege */
const NO_RIGHT = '42501';

/** Whether it is there and takes what is written, beside gateways that use it. */
export const database: Check = {
  name: 'database',
  needs: ['configuration'],
  async run(on) {
    const where = describeTarget(on.config.storage);
    try {
      on.database = await DatabaseVisit.open(on.config.storage, on.logs.of('doctor'));
      if (!on.database) return ok(`${where} is not there yet; its folder can be written, so the first start makes it`);
      await on.database.tryWrite();
      return ok(`${where} takes writes (tried, and taken back)`);
    } catch (error) {
      return unusable(where, error);
    }
  },
};

function unusable(where: string, error: unknown): Verdict {
  const code = String(
    ((error as Error).cause as { code?: unknown } | undefined)?.code ?? (error as { code?: unknown }).code,
  );
  if (READ_ONLY_CODE.test(code)) return failure(`${where} is read-only (${code})`, READ_ONLY);
  if (code === NO_RIGHT) {
    return failure(
      `${where}: ${reasonOf(error)}`,
      'Grant the user of DATABASE_URL the right to create tables in its schema, and to write them.',
    );
  }
  return failure(reasonOf(error));
}
