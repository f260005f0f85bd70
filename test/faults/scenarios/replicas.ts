import { setTimeout as sleep } from 'node:timers/promises';
import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { STORIES } from '../traffic.js';
import { withRig } from '../with-rig.js';

/** A replica's lease (30 s), the others' look for it (5 s), and some room. */
const TAKEN_OVER_MS = 45_000;

/** Two replicas and nothing wrong: whoever delivers, whoever listens lets the topic go. */
export const replicasShare: Scenario = {
  name: 'replicas-share',
  study: [],
  fault: 'none: two replicas take in, listen and deliver for each other',
  databases: ['postgres'],
  quick: 0.1,
  run: (context) =>
    withRig(context, { units: 2, traffic: { stories: STORIES } }, async (rig) => {
      await rig.traffic.flow(sized(context, 500), 100);
      await rig.traffic.done();
      const counts = await rig.verdict(0);
      rig.expect(counts.repeats === 0, `${counts.repeats} repeats without any fault`);
      return counts;
    }),
};

/** SIGSTOP for longer than its lease with records in flight; another takes over; then it wakes up and acts on old news. */
export const zombie: Scenario = {
  name: 'zombie',
  study: [3],
  fault: 'SIGSTOP beyond the lease with deliveries in flight, a refusal waiting in its socket, then SIGCONT',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(context, { units: 2, environment: { HISTORY_TIMEOUT_MS: '120000', LOOKUP_SWEEP_S: '5' } }, async (rig) => {
      const [first, second] = [rig.units[0], rig.units[1]] as [Rig['unit'], Rig['unit']];
      const { history } = rig.simulator;
      const inFlight = sized(context, 30, 10);
      await second.terminate();
      const items = await rig.traffic.pend(inFlight);
      await rig.until(() => rig.simulator.genesys.topics().length === inFlight, 10_000);
      // Each of these gets a refusal that would make it dead, and that its asker only reads when it wakes up.
      history.fail({ status: 422, delayMs: 1_500, count: inFlight });
      rig.traffic.finish(...items);
      await rig.until(() => rig.audit.mostAtOnce >= inFlight, 10_000);
      first.freeze();
      await second.start();
      await rig.until(() => rig.audit.delivered === inFlight, TAKEN_OVER_MS);
      rig.expect(rig.audit.delivered === inFlight, `${rig.audit.delivered} of ${inFlight} were taken over`);
      first.thaw();
      const fenced = async (): Promise<number> => rig.metric('gateway_deliveries_total', 'outcome="fenced"', first);
      await rig.until(async () => (await fenced()) >= inFlight, 10_000);
      const count = await fenced();
      rig.expect(count === inFlight, `${count} late outcomes were fenced, not ${inFlight}`);
      const overwritten = await rig.database.query<object>(`select id from deliveries where state <> 'delivered'`);
      rig.expect(
        overwritten.length === 0,
        `${overwritten.length} deliveries were changed by the zombie's late outcomes`,
      );
      await rig.traffic.flow(50, 25);
      await rig.traffic.done();
      const counts = await rig.verdict(1);
      return { ...counts, extra: { ...counts.extra, fenced: count } };
    }),
};

/** A replica stands still with an empty channel that is about to be closed; another fills that very channel meanwhile. */
export const zombieChannels: Scenario = {
  name: 'zombie-channels',
  study: [3],
  fault: 'SIGSTOP beyond the lease with channels that another replica takes over and works with, then SIGCONT',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      {
        units: 2,
        // Nothing but an event can tell of the work: a look-up would hide a channel that was cleared.
        environment: { REPLICA_LEASE_S: '6', CHANNEL_LINGER_MS: '5000', LOOKUP_SWEEP_S: '1800' },
      },
      async (rig) => {
        const { genesys } = rig.simulator;
        const rounds = sized(context, 5, 2);
        for (let round = 0; round < rounds; round++) {
          const [still, other] = (round % 2 === 0 ? rig.units : rig.units.toReversed()) as [Rig['unit'], Rig['unit']];
          await other.terminate();
          const first = await rig.traffic.pend(5);
          await rig.until(() => genesys.topics().length === first.length, 20_000);
          rig.traffic.finish(...first);
          await rig.until(() => genesys.topics().length === 0, 20_000);
          // It looks over its channels once a second: it has seen that this one is empty, and does not close it yet.
          await sleep(2_500);
          still.freeze();
          await other.start();
          // Filled only once it is the other's: a channel of its own would be none that the sleeper knows.
          const isTaken = async (): Promise<boolean> =>
            (await rig.metric('gateway_channels', 'state="open"', other)) > 0;
          await rig.until(isTaken, TAKEN_OVER_MS);
          const waiting = await rig.traffic.pend(5);
          await rig.until(() => genesys.topics().length === waiting.length, TAKEN_OVER_MS);
          const wokenAt = still.lines.length;
          still.thaw();
          const isBack = (): boolean => still.lines.slice(wokenAt).some((line) => /"to":"live"/.test(line));
          await rig.until(isBack, 20_000);
          rig.expect(isBack(), `${still.name} did not come back after standing still`);
          // Whatever the sleeper had in mind to do with its channels it does in this time.
          await sleep(5_000);
          rig.expect(
            rig.audit.cleared === 0,
            `round ${round}: ${rig.audit.cleared} topics were cleared by the sleeper`,
          );
          rig.traffic.finish(...waiting);
          await rig.until(() => rig.audit.due.length === 0, 20_000);
        }
        return rig.verdict(rounds);
      },
    ),
};

/** The database is out of one replica's reach for longer than its lease, while its sockets live on. */
export const partition: Scenario = {
  name: 'partition',
  study: [3],
  fault: 'one replica is cut off from the database beyond its lease, its sockets live on',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      { units: 2, environment: { LOOKUP_SWEEP_S: '5' }, traffic: { workMs: [100, 3_000] } },
      async (rig) => {
        const [link] = rig.databaseLinks;
        const flow = rig.traffic.flow(sized(context, 1_200, 300), 20);
        await sleep(2_000);
        link?.blackHole();
        await sleep(42_000 * Math.min(1, context.size));
        link?.restore();
        rig.audit.faultOver();
        await flow;
        await rig.traffic.done();
        const counts = await rig.verdict(1, { failedStarts: true });
        // Two sockets of one channel would take turns in ending each other.
        const made = rig.simulator.genesys.requests.filter(
          ({ method, path }) => method === 'POST' && path.endsWith('/channels'),
        ).length;
        rig.expect(made <= 4, `${made} channels were made by two replicas`);
        return { ...counts, extra: { ...counts.extra, channelsMade: made } };
      },
    ),
};

/** Restarts in turn, as a deployment does them, while the history is slow at times. */
export const rolling: Scenario = {
  name: 'rolling-restarts',
  study: [4],
  fault: 'SIGTERM to each of three replicas in turn under load, some calls of the history slow',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      { units: 3, environment: { HISTORY_TIMEOUT_MS: '6000' }, traffic: { workMs: [50, 1_500] } },
      async (rig) => {
        const rounds = sized(context, 3);
        const running = { on: true };
        const load = (async () => {
          while (running.on) await rig.traffic.flow(50, 100);
        })();
        const slow = setInterval(() => rig.simulator.history.fail({ status: 503, delayMs: 2_000, count: 2 }), 500);
        for (let round = 0; round < rounds; round++) {
          for (const unit of rig.units) {
            const code = await unit.terminate();
            rig.expect(code === 0, `${unit.name} ended with ${code}`);
            await unit.start();
          }
        }
        clearInterval(slow);
        rig.simulator.history.recover();
        running.on = false;
        await load;
        await rig.traffic.done();
        rig.audit.faultOver();
        const counts = await rig.verdict(rounds * rig.units.length);
        const slowestS = Math.max(...rig.units.map((unit) => unit.slowestEndMs)) / 1_000;
        rig.expect(counts.repeats === 0, `${counts.repeats} repeats, though every call could finish`);
        rig.expect(slowestS < 10, `a shutdown took ${slowestS.toFixed(1)} s`);
        return { ...counts, extra: { ...counts.extra, slowestShutdownS: slowestS.toFixed(1) } };
      },
    ),
};
