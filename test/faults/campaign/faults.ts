import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.js';
import type { Rig } from '../rig.js';

/** Begins trouble and gives what ends it; the end may come when other trouble is on. */
export type Fault = (
  rig: Rig,
  random: Random,
) => Promise<(() => Promise<void> | void) | void> | (() => Promise<void> | void) | void;

/** `REPLICA_LEASE_S` of the fleets: a standstill beyond it fits into a campaign. */
export const FLEET_LEASE_MS = 6_000;

const unitOf = (rig: Rig, random: Random): Rig['unit'] => random.pick(rig.units);

const PROCESS: Record<string, Fault> = {
  kill: async (rig, random) => {
    const unit = unitOf(rig, random);
    await unit.kill();
    return () => unit.start();
  },
  'kill-at-once-again': async (rig, random) => {
    const unit = unitOf(rig, random);
    await unit.kill();
    void unit.start();
    return async () => {
      await unit.kill();
      await unit.start();
    };
  },
  freeze: (rig, random) => {
    const unit = unitOf(rig, random);
    unit.freeze();
    return () => unit.thaw();
  },
  terminate: async (rig, random) => {
    const unit = unitOf(rig, random);
    const code = await unit.terminate();
    // 1 says that something was left behind, which a database out of reach makes true.
    const allowed = rig.database.kind === 'postgres' ? [0, 1, null] : [0, null];
    rig.expect(allowed.includes(code), `${unit.name} ended with ${code} after SIGTERM`);
    return () => unit.start();
  },
};

const GENESYS: Record<string, Fault> = {
  'drop-sockets': (rig) => rig.api.drop(),
  'close-sockets': (rig) => rig.simulator.genesys.faults.closeSocket('all', { code: 1001 }),
  'silent-sockets': (rig) => rig.simulator.genesys.faults.silence('all'),
  'half-open': (rig) => rig.api.halfOpen(),
  'black-hole-genesys': (rig) => {
    rig.api.blackHole();
    return () => rig.api.restore();
  },
  'genesys-hears-nothing': (rig) => {
    rig.api.blackHole('up');
    return () => rig.api.restore();
  },
  'genesys-down': (rig) => {
    rig.api.cut();
    return () => rig.api.restore();
  },
  'slow-genesys': (rig, random) => {
    rig.api.slow(random.between(20, 300));
    return () => rig.api.slow(0);
  },
  'socket-closing': (rig) => rig.simulator.genesys.faults.socketClosing('all'),
  evict: (rig) => rig.simulator.genesys.faults.evict('all'),
  'evict-silently': (rig) => rig.simulator.genesys.faults.evict('all', { notice: false }),
  'no-longer-subscribed': (rig) => rig.simulator.genesys.faults.noLongerSubscribed('all'),
  'revoke-tokens': (rig, random) => void rig.simulator.genesys.faults.revokeTokens({ notice: random.chance(0.5) }),
  'login-down': (rig) => {
    rig.login.cut();
    rig.simulator.genesys.faults.revokeTokens();
    return () => rig.login.restore();
  },
  'rate-limit': (rig, random) =>
    rig.simulator.genesys.faults.rateLimit({ count: random.between(1, 10), retryAfterS: 1 }),
  'fail-requests': (rig, random) =>
    rig.simulator.genesys.faults.failRequests({
      count: random.between(1, 10),
      status: random.pick([500, 502, 503, 504]),
    }),
  'drop-requests': (rig, random) =>
    rig.simulator.genesys.faults.failRequests({
      count: random.between(1, 6),
      dropConnection: random.pick(['before', 'after']),
    }),
  'refuse-upgrade': (rig, random) =>
    rig.simulator.genesys.faults.refuseUpgrade({ count: random.between(1, 2), status: random.pick([409, 429, 503]) }),
  'ignore-subscribe': (rig, random) => rig.simulator.genesys.faults.ignoreSubscribe({ count: random.between(1, 3) }),
  'slow-replies': (rig, random) => {
    rig.simulator.genesys.faults.slowReplies(random.between(100, 1_500));
    return () => rig.simulator.genesys.faults.slowReplies(0);
  },
  'drop-topics': (rig, random) => {
    for (const topic of rig.simulator.genesys.topics()) {
      if (random.chance(0.5)) rig.simulator.genesys.faults.dropTopic(topic);
    }
  },
  'garbage-frames': (rig) => {
    for (const text of ['{', 'null', '[]', '{"topicName":1}', '"x"', '{"__proto__":{"a":1}}'])
      rig.simulator.genesys.faults.sendRaw('all', text);
  },
  'everything-expires': (rig) => rig.simulator.clock.advance(25 * 3_600_000),
};

const HISTORY: Record<string, Fault> = {
  'history-503': (rig, random) => failing(rig, { status: 503, ratio: random.pick([0.3, 0.7, 1]) }),
  'history-429': (rig) => failing(rig, { status: 429, retryAfter: 1, ratio: 0.3 }),
  'history-resets': (rig, random) => {
    rig.simulator.history.faults.resetAfterBody({ count: random.between(1, 30), store: random.chance(0.7) });
  },
  'history-hangs': (rig, random) => {
    rig.simulator.history.faults.hang({ count: random.between(1, 40), store: random.chance(0.5) });
  },
  // These two answer 200, so they have it.
  'history-drips': (rig, random) => {
    rig.simulator.history.faults.slowBody({ count: random.between(1, 10), store: true });
  },
  'history-floods': (rig, random) => {
    rig.simulator.history.faults.endlessBody({ count: random.between(1, 10), store: true });
  },
  'history-down': (rig) => {
    rig.history.cut();
    return () => rig.history.restore();
  },
  'history-mute': (rig) => {
    rig.history.blackHole('down');
    return () => rig.history.restore();
  },
  'history-half-open': (rig) => rig.history.halfOpen(),
};

const POSTGRES: Record<string, Fault> = {
  'terminate-backends': async (rig) => void (await rig.terminateBackends()),
  'database-down': (rig, random) => {
    const link = random.pick(rig.databaseLinks);
    link.cut();
    return () => link.restore();
  },
  'database-black-hole': (rig, random) => {
    const link = random.pick(rig.databaseLinks);
    link.blackHole();
    return () => link.restore();
  },
  'database-half-open': (rig, random) => random.pick(rig.databaseLinks).halfOpen(),
  'slow-database': (rig, random) => {
    const link = random.pick(rig.databaseLinks);
    link.slow(random.between(5, 60));
    return () => link.slow(0);
  },
};

/** What replicas do to each other: they die, stand still for less and for more than a lease, and share channels and a database. */
const FLEET: Record<string, Fault> = {
  kill: PROCESS['kill'] as Fault,
  'kill-at-once-again': PROCESS['kill-at-once-again'] as Fault,
  terminate: PROCESS['terminate'] as Fault,
  freeze: PROCESS['freeze'] as Fault,
  'freeze-beyond-lease': standstill(FLEET_LEASE_MS + 2_000, FLEET_LEASE_MS + 5_000),
  'terminate-backends': POSTGRES['terminate-backends'] as Fault,
  'database-down': POSTGRES['database-down'] as Fault,
  'database-half-open': POSTGRES['database-half-open'] as Fault,
  evict: GENESYS['evict'] as Fault,
  'evict-silently': GENESYS['evict-silently'] as Fault,
  'socket-closing': GENESYS['socket-closing'] as Fault,
  'close-sockets': GENESYS['close-sockets'] as Fault,
  'drop-sockets': GENESYS['drop-sockets'] as Fault,
  'no-longer-subscribed': GENESYS['no-longer-subscribed'] as Fault,
};

function standstill(leastMs: number, mostMs: number): Fault {
  return async (rig, random) => {
    const unit = unitOf(rig, random);
    unit.freeze();
    await sleep(random.between(leastMs, mostMs));
    unit.thaw();
  };
}

function failing(rig: Rig, order: { status: number; ratio: number; retryAfter?: number }): () => void {
  rig.simulator.history.fail(order);
  return () => rig.simulator.history.recover();
}

/** Every kind of trouble by name. Processes die as often as all of Genesys together misbehaves, or it would be rare. */
export const FAULTS = {
  any: { ...PROCESS, ...GENESYS, ...HISTORY } as Readonly<Record<string, Fault>>,
  postgres: { ...PROCESS, ...GENESYS, ...HISTORY, ...POSTGRES, ...FLEET } as Readonly<Record<string, Fault>>,
  groups: { PROCESS, GENESYS, HISTORY, POSTGRES, FLEET },
};
