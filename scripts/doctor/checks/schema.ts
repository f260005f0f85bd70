import { type Check, failure, ok, reasonOf, warning } from '../check.js';

/** Runs no migration: tells which the next start would run. */
export const schema: Check = {
  name: 'schema',
  needs: ['database'],
  async run({ database }) {
    if (!database) return ok('made at the first start');
    const { applied, pending, unknown } = await database.steps();
    const facts = { applied, pending, unknown };
    if (unknown.length > 0) {
      return failure(
        `migrated by a later version: unknown here is ${unknown.join(', ')}`,
        'Start that version or a later one, or restore a backup from before the upgrade.',
        { facts },
      );
    }
    const last = applied.at(-1);
    if (last !== undefined && pending.length === 0) return ok(`up to date (${last})`, { facts });
    try {
      await database.tryTable();
    } catch (error) {
      return failure(
        `pending are ${pending.join(', ')}, and no table can be made: ${reasonOf(error)}`,
        'Migrations need the right to create tables.',
        { facts },
      );
    }
    if (last === undefined) return ok(`empty; the first start makes it (${pending.length} steps)`, { facts });
    return warning(
      `at ${last}; pending: ${pending.join(', ')}. Nothing was run now`,
      'Back up first: the next start of the gateway runs them, and an older version does not start afterwards.',
      { facts },
    );
  },
};
