import { type Check, failure, ok, type Verdict, warning } from '../check.js';

/** `Date` has whole seconds, and its answer took a while. */
const SAME_MS = 5_000;
/** From here on work counts as older than its interaction (`src/conversations/work-matching.ts`). */
const GRACE_MS = 60_000;

/** Genesys' clock by the `Date` of its answers, and the database's, beside ours. */
export const clocks: Check = {
  name: 'clocks',
  needs: ['region'],
  async run({ genesys, database }) {
    const offset = genesys.clockOffsetMs();
    if (offset === undefined) {
      return failure(
        "Genesys' answers have no Date, or one that is more than 3 h from our clock",
        'Set the clock of this machine (NTP), or look what stands between it and Genesys.',
      );
    }
    const of = [{ whose: "Genesys'", ms: offset }];
    if (database) of.push({ whose: "the database's", ms: (await database.now()) - Date.now() });
    return judged(of);
  },
};

function judged(of: readonly { whose: string; ms: number }[]): Verdict {
  const text = of.map(({ whose, ms }) => `${whose} is ${distanceOf(ms)}`).join(', ');
  const most = Math.max(...of.map(({ ms }) => Math.abs(ms)));
  const facts = { offsetsMs: Object.fromEntries(of.map(({ whose, ms }) => [whose, Math.round(ms)])) };
  const set = 'Set the clocks (NTP).';
  if (most >= GRACE_MS) {
    return failure(
      `${text}. From a minute on, finished work may count as older than its interaction, and SAML assertions as not valid`,
      set,
      { facts },
    );
  }
  return most >= SAME_MS ? warning(text, set, { facts }) : ok(text, { facts });
}

function distanceOf(ms: number): string {
  if (Math.abs(ms) < SAME_MS) return 'as ours';
  return `${Math.round(Math.abs(ms) / 1_000)} s ${ms > 0 ? 'ahead of' : 'behind'} ours`;
}
