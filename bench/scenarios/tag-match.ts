import type { TagMatch } from '../load/tag-match.js';
import { alternate, medianOf, ratioOf } from '../report/rounds.js';
import { measured } from '../processes/usage.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const SUBSCRIPTIONS = 1_000_000;
const MATCHES = 200_000;
/** A comparison needs both in one process. */
const COMPARED = { subscriptions: 50_000, tags: 20_000 };

/** Tags against 1,000,000 subscriptions, exact and with wildcards. */
export const tagMatch: Scenario = {
  name: 'tag-match',
  about: 'one tag against 1,000,000 subscriptions, exact and with wildcards, beside qlobber; memory of both',
  unit: 'matches/s',
  inShort: true,
  async run(stage) {
    const subscriptions = stage.size(SUBSCRIPTIONS, 1_000);
    const matches = stage.size(MATCHES, 1_000);
    await stage.worker<TagMatch>('load/tag-match').call('compare', COMPARED);
    await stage.clear();
    const sides = await alternate(stage, {
      qlobber: () => side(stage, 'qlobber', subscriptions, matches),
      'filter index': () => side(stage, 'filter-index', subscriptions, matches),
    });
    return {
      sides,
      targets: [
        {
          name: 'median match',
          value: medianOf(sides, 'filter index', (run) => (run.latency?.p50 ?? 0) * 1_000),
          limit: { max: 20 },
          unit: 'µs',
        },
        {
          name: 'of qlobber',
          value: ratioOf(sides, 'filter index', 'qlobber'),
          limit: { min: 0.8 },
          unit: '',
          isUsual: true,
        },
      ],
      notes: [
        `${subscriptions} subscriptions, a fifth of them with a wildcard, ids of 36 characters; ${matches} tags of 2 to 5 parts`,
        `both find the same for ${COMPARED.tags} tags among ${COMPARED.subscriptions} subscriptions`,
      ],
    };
  },
};

async function side(
  stage: Stage,
  library: 'qlobber' | 'filter-index',
  subscriptions: number,
  matches: number,
): Promise<Run> {
  const worker = stage.worker<TagMatch>('load/tag-match');
  const filled = await worker.call('fill', { library, subscriptions });
  const [result, usage] = await measured({ matcher: worker.pid }, () => worker.call('match', matches));
  return {
    perSecond: result.perSecond,
    latency: result.latency,
    usage,
    figures: {
      'bytes per subscription': filled.bytesEach,
      'fill s': filled.seconds,
      'found per tag': result.foundEach,
    },
  };
}
