import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Item } from '../audit.js';
import type { Rig } from '../rig.js';
import { Skipped, sized, type Context, type Counts, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';

const run = promisify(execFile);
/** The study's figure: how soon a pod without its database must leave service. */
const NOT_READY_WITHIN_MS = 5_000;

/** Our own database's faults must not use up attempts: the history got every one that was counted. */
async function attemptsAreReal(rig: Rig): Promise<void> {
  const rows = await rig.database.query<{ id: string; attempts: number }>('select id, attempts from deliveries');
  const received = Map.groupBy(rig.simulator.history.received, ({ key }) => key ?? '');
  const burned = rows.filter(({ id, attempts }) => attempts > (received.get(id)?.length ?? 0)).length;
  rig.expect(burned === 0, `${burned} deliveries count attempts that never reached the history`);
}

/** Connections ended, the server restarted, the wire cut and clogged, while events arrive. */
export const databaseLinks: Scenario = {
  name: 'database-links',
  study: [5],
  fault: 'pg_terminate_backend on all every 2 s, a restart of the server, the wire cut and clogged',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(context, { ownServer: true, traffic: { workMs: [50, 1_500] } }, async (rig) => {
      const rounds = sized(context, 20, 3);
      const running = { on: true };
      const load = (async () => {
        while (running.on) await rig.traffic.flow(25, 50);
      })();
      let terminated = 0;
      for (let round = 0; round < rounds; round++) {
        await sleep(2_000);
        terminated += await rig.terminateBackends();
      }
      await rig.database.server?.pause();
      await sleep(3_000);
      await rig.database.server?.resume();
      rig.audit.faultOver();
      const [link] = rig.databaseLinks;
      link?.cut();
      await sleep(2_000);
      link?.restore();
      link?.blackHole();
      await sleep(6_000);
      link?.restore();
      rig.audit.faultOver();
      running.on = false;
      await load;
      await rig.traffic.done();
      const counts = await rig.verdict(rounds + 3);
      await attemptsAreReal(rig);
      return { ...counts, extra: { ...counts.extra, backendsEnded: terminated } };
    }),
};

interface Commit {
  name: string;
  /** Brings the commit about; `arm` is called when the next one is meant. Resolves with what it is about. */
  begin(rig: Rig, arm: () => void): Promise<Item[]>;
}

/** The database has committed, and we are never told: neither lost nor doubled, and nobody has to wait for a restart. */
export const unansweredCommits: Scenario = {
  name: 'unanswered-commits',
  study: [5],
  fault: 'the answer to COMMIT is lost at intake, at capture and at settling, and the connections with it',
  databases: ['postgres'],
  quick: 0.2,
  run: (context) =>
    // No sweep: what nobody was told of would be looked up in half an hour.
    withRig(context, { environment: { LOOKUP_SWEEP_S: '1800' } }, async (rig) => {
      const rounds = sized(context, 5);
      for (let round = 0; round < rounds; round++) {
        for (const commit of COMMITS) {
          // What one loss has left undone would be taken for the next one's.
          if (rig.violations.length === 0) await loseAnswer(rig, commit, `round ${round}`);
        }
      }
      return rig.verdict(rounds * COMMITS.length);
    }),
};

const TOGETHER = 20;

const COMMITS: readonly Commit[] = [
  {
    name: 'intake',
    begin: (rig, arm) => {
      arm();
      return rig.traffic.pend(TOGETHER);
    },
  },
  {
    name: 'capture',
    begin: async (rig, arm) => {
      const items = await pended(rig);
      arm();
      rig.traffic.finish(...items);
      return items;
    },
  },
  {
    name: 'settle',
    begin: async (rig, arm) => {
      const items = await pended(rig);
      rig.simulator.history.once('received', arm);
      rig.traffic.finish(...items);
      return items;
    },
  },
];

async function pended(rig: Rig): Promise<Item[]> {
  const items = await rig.traffic.pend(TOGETHER);
  const { genesys } = rig.simulator;
  const listened = await rig.until(() => genesys.topics().length >= TOGETHER, 30_000);
  rig.expect(
    listened,
    `only ${genesys.topics().length} of ${TOGETHER} were listened for before their work was finished`,
  );
  return items;
}

async function loseAnswer(rig: Rig, { name, begin }: Commit, round: string): Promise<void> {
  const [link] = rig.databaseLinks;
  if (!link) throw new Error('the database has no wire of its own');
  let [armed, committed] = [false, false];
  link.tap = (direction, chunk) => {
    if (direction === 'down') return !committed;
    committed ||= armed && /\bcommit\b/i.test(chunk.toString('latin1'));
    return true;
  };
  const begun = begin(rig, () => (armed = true));
  // Apart, so that what comes before the commit does not use up its time.
  rig.expect(await rig.until(() => armed, 60_000), `${round}: nothing was under way to ${name} within 60 s`);
  await rig.until(() => committed, 20_000);
  rig.expect(committed, `${round}: no commit at ${name} was seen`);
  // PostgreSQL has it by now; who waits for the answer is told that its connection broke.
  await sleep(100);
  link.tap = undefined;
  link.drop();
  rig.audit.faultOver();
  const items = await begun;
  const { genesys } = rig.simulator;
  if (name === 'intake') {
    const listened = await rig.until(() => genesys.topics().length >= TOGETHER, 15_000);
    rig.expect(listened, `${round}: only ${genesys.topics().length} of ${TOGETHER} are listened for`);
    rig.traffic.finish(...items);
  }
  const all = (): boolean => items.every((item) => rig.audit.keys.has(item.id as string));
  await rig.until(all, 30_000);
  rig.expect(all(), `${round}: records are missing after the answer at ${name} was lost`);
  await rig.until(() => genesys.topics().length === 0, 20_000);
}

/** The common course of an outage: what waits is finished meanwhile, intake says 503, and afterwards nothing is missing. */
async function outage(
  rig: Rig,
  begin: () => Promise<void>,
  end: () => Promise<void>,
  downMs: number,
  count: number,
): Promise<Counts> {
  const items = await rig.traffic.pend(count);
  await rig.until(() => rig.simulator.genesys.topics().length >= count, 20_000);
  await begin();
  const since = performance.now();
  // Writes keep coming: an outage that nobody meets is none.
  const pressure = rig.traffic.flow(Math.round(downMs / 100), 10);
  rig.traffic.finish(...items);
  const status = async (): Promise<number | undefined> =>
    (await rig.callers.call(rig.unit, 'GET', '/health/ready', { as: 'nobody' }))?.status;
  await rig.until(async () => (await status()) === 503, 15_000);
  const notReadyMs = Math.round(performance.now() - since);
  rig.expect(notReadyMs <= NOT_READY_WITHIN_MS + 500, `not ready only after ${notReadyMs} ms`);
  const [takenBefore, conversationId] = [rig.audit.accepted.size, crypto.randomUUID()];
  const reply = await rig.callers.call(rig.unit, 'POST', '/customers/supportInteraction', {
    body: { conversationId, customerId: 'C-1' },
    timeoutMs: 15_000,
  });
  rig.expect(reply?.status === 503, `intake answered ${reply?.status} without a database`);
  await sleep(Math.max(0, since + downMs - performance.now()));
  rig.expect(rig.audit.accepted.size === takenBefore, 'something was taken in without a database');
  await end();
  rig.audit.faultOver();
  await pressure;
  await rig.traffic.done();
  const counts = await rig.verdict(1, { withinMs: 60_000 });
  return { ...counts, extra: { ...counts.extra, notReadyMs } };
}

export const databaseDown: Scenario = {
  name: 'database-down',
  study: [6],
  fault: 'PostgreSQL stopped for 30 s while events arrive',
  databases: ['postgres'],
  quick: 0.2,
  run: (context) =>
    withRig(context, { ownServer: true }, async (rig) => {
      const { server } = rig.database;
      const counts = await outage(
        rig,
        async () => server?.pause(),
        async () => server?.resume(),
        30_000 * Math.max(context.size, 0.2),
        sized(context, 500),
      );
      await attemptsAreReal(rig);
      return counts;
    }),
};

export const databaseReadOnly: Scenario = {
  name: 'database-read-only',
  study: [6],
  fault: 'PostgreSQL turns read-only (25006) for 10 s, as a failed-over primary does',
  databases: ['postgres'],
  quick: 0,
  run: (context) =>
    withRig(context, { ownServer: true }, async (rig) => {
      const set = async (value: 'on' | 'off'): Promise<void> => {
        await rig.database.query(
          `alter database ${new URL(rig.database.url()).pathname.slice(1)} set default_transaction_read_only = ${value}`,
        );
        await rig.terminateBackends();
      };
      return outage(
        rig,
        () => set('on'),
        () => set('off'),
        10_000,
        sized(context, 200),
      );
    }),
};

/** SQLite lets its log grow to 4 MB before it writes it back. */
const DISK_BYTES = 24 * 1024 * 1024;

export const diskFull: Scenario = {
  name: 'disk-full',
  study: [6],
  fault: 'the disk under the SQLite file is full for 10 s while events arrive',
  databases: ['sqlite'],
  quick: 0.4,
  run: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-small-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder]).catch((cause: unknown) => {
        throw new Skipped('no right to mount a small tmpfs', { cause });
      });
      try {
        return await onSmallDisk(context, folder);
      } finally {
        await run('umount', ['-l', folder]);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function onSmallDisk(context: Context, folder: string): Promise<Counts> {
  return withRig(context, { folder }, async (rig) => {
    const ballast = join(folder, 'ballast');
    const fill = async (): Promise<void> => {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(ballast, Buffer.alloc(bavail * bsize));
    };
    return outage(rig, fill, () => rm(ballast), Math.max(6_000, 10_000 * context.size), sized(context, 100));
  });
}
