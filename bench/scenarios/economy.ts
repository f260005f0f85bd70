import type { Asked, Centre, CentreAddresses } from '../load/centre.js';
import { type GatewayProcess, INTAKE_KEY } from '../processes/gateway.js';
import type { Worker } from '../processes/worker.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const SECONDS = 300;
/** How long the agents still talk and write after the hand-in. */
const WORK_MS = [30_000, 150_000] as const;
const [QUIET, BUSY] = [0.5, 10];
const LOST = 200;
/** No source tells how far analytics lags (docs/wire-facts.md §5.3): nine in ten by up to a minute, the others up to five. */
const LAG_MS = [60_000, 300_000] as const;
/** A look-up in bulk takes a hundred, and who is heard is asked for within half a minute (docs/architecture.md). */
const [IDS, TOGETHER_S] = [100, 30];
/** Until a start is over. */
const SETTLE_S = 5;
const DAY_S = 86_400;

/** How much Genesys Cloud is asked, which charges for it. */
export const economy: Scenario = {
  name: 'economy',
  about: `REST requests for each interaction at ${QUIET} and ${BUSY} hand-ins a second, and when idle; how soon a gap's work is found`,
  unit: '',
  // Look-ups come after half a minute and five: in a tenth of the time there are none.
  inShort: false,
  async run(stage) {
    const seconds = stage.size(SECONDS, 60);
    // Side by side: they ask for little, and take minutes.
    const [quiet, busy, idle, regained] = await Promise.all([
      onDay(stage, QUIET, seconds),
      onDay(stage, BUSY, seconds),
      whenIdle(stage, seconds),
      afterGap(stage, seconds / SECONDS),
    ]);
    await stage.clear();
    const nineInTen = regained[Math.floor(regained.length * 0.9)] ?? Infinity;
    const slowest = regained.at(-1) ?? Infinity;
    return {
      sides: [
        { name: 'least, quiet', runs: [least(QUIET, seconds)] },
        { name: 'gateway, quiet', runs: [runOf(quiet)] },
        { name: 'least, busy', runs: [least(BUSY, seconds)] },
        { name: 'gateway, busy', runs: [runOf(busy)] },
        { name: 'gateway, idle', runs: [{ figures: { requests: idle.requests } }] },
      ],
      targets: [
        { name: 'requests for each, quiet', value: each(quiet), limit: { max: 0.3 }, unit: 'requests' },
        { name: 'requests for each, busy', value: each(busy), limit: { max: 0.05 }, unit: 'requests' },
        { name: 'idle', value: (idle.requests * DAY_S) / seconds, limit: { max: 400 }, unit: 'requests a day' },
        { name: 'after a gap, nine in ten', value: nineInTen / 1_000, limit: { max: 30 }, unit: 's' },
        { name: 'after a gap, all', value: slowest / 1_000, limit: { max: 300 }, unit: 's' },
      ],
      notes: [
        `${seconds} s, work ends ${WORK_MS[0] / 1_000} to ${WORK_MS[1] / 1_000} s after the hand-in; tokens and channels count as requests`,
        `least: one look-up in bulk for those of each ${TOGETHER_S} s, ${IDS} in one; subscribing over the socket costs none`,
        `the gap: ${regained.length} interactions, times from when a look-up could show their work, which is up to ${LAG_MS[1] / 1_000} s late`,
      ],
    };
  },
};

async function onDay(stage: Stage, perSecond: number, seconds: number): Promise<Asked> {
  const { centre, gateway } = await open(stage);
  return centre.call('day', { url: gateway.url, key: INTAKE_KEY, perSecond, seconds, workMs: WORK_MS });
}

async function whenIdle(stage: Stage, seconds: number): Promise<Asked> {
  const { centre } = await open(stage);
  await centre.call('idle', SETTLE_S);
  return centre.call('idle', seconds);
}

async function afterGap(stage: Stage, share: number): Promise<number[]> {
  const { centre, gateway } = await open(stage);
  const lagMs = [LAG_MS[0] * share, LAG_MS[1] * share] as const;
  const { afterMs } = await centre.call('gap', { url: gateway.url, key: INTAKE_KEY, interactions: LOST, lagMs });
  return afterMs;
}

async function open(stage: Stage): Promise<{ centre: Worker<Centre>; gateway: GatewayProcess }> {
  const centre = stage.worker<Centre>('load/centre');
  const addresses: CentreAddresses = await centre.call('start');
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const gateway = await stage.gateway(addresses, database, {
    GENESYS_LOGIN_URL: addresses.loginUrl,
    GENESYS_CLIENT_ID: 'demo-client',
    GENESYS_CLIENT_SECRET: 'demo-secret',
  });
  return { centre, gateway };
}

function each({ requests, interactions }: Asked): number {
  return requests / interactions;
}

function runOf(asked: Asked): Run {
  const { interactions, requests, bulk, single } = asked;
  return { figures: { interactions, requests, bulk, single, 'requests each': each(asked) } };
}

function least(perSecond: number, seconds: number): Run {
  const interactions = Math.round(perSecond * seconds);
  const requests = Math.ceil(seconds / TOGETHER_S) * Math.ceil((perSecond * TOGETHER_S) / IDS);
  return { figures: { interactions, requests, bulk: requests, single: 0, 'requests each': requests / interactions } };
}
