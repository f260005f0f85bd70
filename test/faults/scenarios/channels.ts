import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedRequest } from '../../../simulator/index.js';
import type { Item } from '../audit.js';
import { Random } from '../random.js';
import type { Rig } from '../rig.js';
import { sized, type Context, type Scenario } from '../scenario.js';
import { STORIES } from '../traffic.js';
import { withRig } from '../with-rig.js';

const BOTH = ['sqlite', 'postgres'] as const;

interface Load {
  stop(): Promise<void>;
}

/** Interactions at a rate until it is told to stop; then all of them have been handed in and finished. */
function load(rig: Rig, perSecond: number): Load {
  const running = { on: true };
  const done = (async () => {
    while (running.on) await rig.traffic.flow(Math.max(1, Math.round(perSecond / 4)), perSecond);
    await rig.traffic.done();
  })();
  return {
    stop: () => {
      running.on = false;
      return done;
    },
  };
}

function creations(requests: readonly RecordedRequest[]): RecordedRequest[] {
  return requests.filter(({ method, path }) => method === 'POST' && path === '/api/v2/notifications/channels');
}

/** Notes every second socket of a channel while the first one was open. */
function watchSockets(rig: Rig): { second: () => number; opened: () => number } {
  const open = new Map<string, number>();
  let [second, opened] = [0, 0];
  rig.simulator.genesys.on('connected', ({ channelId }) => {
    const now = (open.get(channelId) ?? 0) + 1;
    open.set(channelId, now);
    opened += 1;
    if (now > 1) second += 1;
  });
  rig.simulator.genesys.on('disconnected', ({ channelId }) => open.set(channelId, (open.get(channelId) ?? 1) - 1));
  return { second: () => second, opened: () => opened };
}

/** The figure for finding a silent socket, with the documented times of 35 s and 5 s. */
const FOUND_WITHIN_MS = 40_000;

/** One silence: everything that ends meanwhile is missed; says how long it took until it was noticed. */
async function goSilent(rig: Rig, limitMs: number): Promise<number> {
  const before = await rig.metric('gateway_gaps_total');
  const since = performance.now();
  rig.api.halfOpen();
  const found = await rig.until(async () => (await rig.metric('gateway_gaps_total')) > before, limitMs + 5_000);
  const tookMs = performance.now() - since;
  rig.expect(
    found && tookMs <= limitMs + 500,
    `a half-open socket was found after ${Math.round(tookMs)} ms, limit ${limitMs}`,
  );
  rig.audit.faultOver();
  // The gateway's own word: a socket that has not proven itself yet could not be lost.
  await rig.until(async () => (await rig.metric('gateway_channels', 'state="open"')) > 0, 20_000);
  return tookMs;
}

export const halfOpen: Scenario = {
  name: 'half-open',
  alone: true,
  study: [13],
  fault: 'the socket is half-open without FIN, 20 times at 25/s (time-outs of 1.2 s + 0.4 s)',
  databases: BOTH,
  quick: 0.1,
  quickOn: ['sqlite'],
  run: (context) =>
    // The proxy ends the far side, so the simulator sees the old socket go; the gateway is never told.
    withRig(context, { traffic: { workMs: [50, 2_000] }, environment: { LOOKUP_SWEEP_S: '1800' } }, async (rig) => {
      const rounds = sized(context, 20, 2);
      const traffic = load(rig, 25);
      let worst = 0;
      for (let round = 0; round < rounds; round++) {
        await sleep(500);
        worst = Math.max(worst, await goSilent(rig, 1_600 + 1_000));
      }
      await traffic.stop();
      const counts = await rig.verdict(rounds, { withinMs: 60_000 });
      const gaps = await rig.metric('gateway_gaps_total');
      rig.expect(gaps >= rounds, `${gaps} gaps were recorded, not ${rounds}`);
      return { ...counts, extra: { ...counts.extra, foundWithinMs: Math.round(worst), gaps } };
    }),
};

export const halfOpenDefaults: Scenario = {
  name: 'half-open-default-times',
  study: [13],
  fault: 'a silent half-open socket with the default time-outs (35 s + 5 s), look-ups only after the gap',
  databases: ['sqlite'],
  quick: 0,
  run: (context) =>
    withRig(
      context,
      {
        environment: { HEARTBEAT_TIMEOUT_MS: '35000', PING_TIMEOUT_MS: '5000', LOOKUP_SWEEP_S: '1800' },
        genesys: { heartbeatMs: 30_000 },
      },
      async (rig) => {
        const items = await rig.traffic.pend(100);
        await rig.until(() => rig.simulator.genesys.topics().length === 100, 10_000);
        // Past the look-up within 30 s, which would find what ends now; the next one comes five minutes later.
        await sleep(35_000);
        rig.api.halfOpen();
        const since = performance.now();
        rig.traffic.finish(...items);
        const found = await rig.until(
          async () => (await rig.metric('gateway_gaps_total')) > 0,
          FOUND_WITHIN_MS + 5_000,
        );
        const tookMs = Math.round(performance.now() - since);
        rig.expect(found && tookMs <= FOUND_WITHIN_MS + 500, `found after ${tookMs} ms`);
        rig.audit.faultOver();
        const counts = await rig.verdict(1);
        rig.expect(rig.audit.byLookup.size === 100, `${rig.audit.byLookup.size} of 100 were regained by look-ups`);
        return { ...counts, extra: { ...counts.extra, foundMs: tookMs } };
      },
    ),
};

/** Sockets end as soon as they are open, upgrades and creations are refused with a wish to wait. */
export const reconnectStorm: Scenario = {
  name: 'reconnect-storm',
  study: [14],
  fault:
    'sockets closed right after their opening, upgrades refused with 409 and 429, creations with 429 + Retry-After',
  databases: ['sqlite'],
  quick: 0,
  run: (context) =>
    withRig(context, {}, async (rig) => {
      const { genesys } = rig.simulator;
      const sockets = watchSockets(rig);
      const stormMs = sized(context, 30_000, 8_000);
      const traffic = load(rig, 10);
      await rig.until(() => sockets.opened() > 0, 10_000);
      const off = genesys.on('connected', ({ channelId }) => setTimeout(() => closeOne(rig, channelId), 20));
      closeAll(rig);
      await sleep(stormMs / 2);
      off();
      const attempts = sockets.opened();
      // Full jitter between 1, 2, 4 … s: some ten attempts in half a minute, and never a burst.
      rig.expect(attempts <= 40, `${attempts} sockets were opened in ${stormMs / 2} ms`);
      genesys.faults.refuseUpgrade({ count: 2, status: 409 });
      genesys.faults.rateLimit({ count: 2, retryAfterS: 2, path: '/api/v2/notifications/channels' });
      genesys.faults.evict('all');
      await sleep(stormMs / 2);
      genesys.faults.refuseUpgrade({ count: 2, status: 429, retryAfterS: 1 });
      closeAll(rig);
      await sleep(500);
      rig.audit.faultOver();
      await traffic.stop();
      const counts = await rig.verdict(attempts, { withinMs: 90_000 });
      rig.expect(sockets.second() === 0, `${sockets.second()} second sockets of a channel`);
      const early = earlyCreations(creations(genesys.requests));
      rig.expect(early === 0, `${early} channels were asked for before Retry-After was over`);
      return { ...counts, extra: { ...counts.extra, socketsOpened: sockets.opened() } };
    }),
};

/** Requests that came less than their Retry-After of 2 s after a 429, with some room for the clocks. */
function earlyCreations(requests: readonly RecordedRequest[]): number {
  return requests.filter(
    (request, index) => requests[index - 1]?.status === 429 && request.at - (requests[index - 1]?.at ?? 0) < 1_950,
  ).length;
}

function closeAll(rig: Rig): void {
  rig.simulator.genesys.faults.closeSocket('all');
}

/** The channel may be gone already. */
function closeOne(rig: Rig, channelId: string): void {
  if (rig.simulator.genesys.channels().some(({ id }) => id === channelId))
    rig.simulator.genesys.faults.closeSocket(channelId);
}

/** 100 announced closings under load: make before break, so no event is missed and no gap recorded. */
export const rotations: Scenario = {
  name: 'rotations',
  study: [15],
  fault: 'socket_closing 100 times under load',
  databases: BOTH,
  quick: 0.05,
  quickOn: ['sqlite'],
  run: (context) =>
    // Nothing may be found by asking: what an event did not bring is a miss.
    withRig(
      context,
      {
        traffic: { workMs: [200, 1_500] },
        environment: { LOOKUP_SWEEP_S: '1800' },
        genesys: { closingGraceMs: 4_000 },
      },
      async (rig) => {
        const { genesys } = rig.simulator;
        const rounds = sized(context, 100, 4);
        let missed = 0;
        genesys.on('event-missed', ({ topic, reason }) => {
          // The old channel may well be gone; the event is missed when no channel carried it.
          if (topic.endsWith('.acw') && reason === 'no-subscription') missed += 1;
        });
        const traffic = load(rig, 50);
        for (let round = 0; round < rounds; round++) {
          // So that each hand-over meets events on their way.
          await sleep(200);
          await rig.until(() => genesys.channels().some(({ connected }) => connected), 10_000);
          const [current] = genesys
            .channels()
            .filter(({ connected }) => connected)
            .slice(-1);
          if (!current) continue;
          genesys.faults.socketClosing(current.id);
          await rig.until(
            () => !genesys.channels().some(({ id, connected }) => id === current.id && connected),
            10_000,
          );
        }
        await traffic.stop();
        const counts = await rig.verdict(rounds);
        const gaps = await rig.metric('gateway_gaps_total');
        rig.expect(gaps === 0, `${gaps} gaps were recorded`);
        const { mostChannels } = rig.audit;
        rig.expect(mostChannels <= 3, `${mostChannels} channels had sockets at one time`);
        return { ...counts, extra: { ...counts.extra, gaps, missedBeforeListening: missed, mostChannels } };
      },
    ),
};

/** Ends of channels that nobody announces, and a life of restarts on the same channel. */
export const channelEnds: Scenario = {
  name: 'channel-ends',
  study: [15],
  fault: 'expiry, eviction, no_longer_subscribed, revoked tokens; then 50 crash-restarts in a row',
  databases: BOTH,
  quick: 0,
  run: (context) =>
    withRig(context, { traffic: { workMs: [100, 1_500] } }, async (rig) => {
      const { genesys, clock } = rig.simulator;
      const { faults } = genesys;
      const ends = [
        () => faults.evict('all'),
        () => faults.noLongerSubscribed('all'),
        () => void faults.revokeTokens({ notice: true }),
        () => faults.evict('all', { notice: false }),
        () => clock.advance(25 * 3_600_000),
      ];
      const traffic = load(rig, 25);
      for (const end of ends.slice(0, sized(context, ends.length, 2))) {
        await sleep(1_500);
        end();
      }
      rig.audit.faultOver();
      await traffic.stop();
      const restarts = sized(context, 50, 4);
      const madeBefore = creations(genesys.requests).length;
      const items = await rig.traffic.pend(20);
      await rig.until(() => genesys.topics().length >= 20, 30_000);
      let most = 0;
      for (let restart = 0; restart < restarts; restart++) {
        await rig.killAndStart();
        most = Math.max(most, genesys.channels().length);
      }
      const made = creations(genesys.requests).length - madeBefore;
      rig.expect(made <= 1, `${made} channels were made by ${restarts} restarts`);
      rig.traffic.finish(...items);
      const counts = await rig.verdict(ends.length + restarts, { withinMs: 90_000 });
      return { ...counts, extra: { ...counts.extra, channelsMadeByRestarts: made, channelsAtOnce: most } };
    }),
};

/** More topics than a channel takes, some that Genesys refuses, some that vanish. */
export const topicLimits: Scenario = {
  name: 'topic-limits',
  study: [16],
  fault: '1,200 topics at 1,000 a channel, 30 refused with 403, 10 dropped silently',
  databases: ['sqlite'],
  quick: 0.1,
  run: (context) =>
    withRig(
      context,
      {
        environment: {
          CHANNEL_MAX_TOPICS: String(sized(context, 1_000)),
          LOOKUP_SWEEP_S: '3',
          SUBSCRIPTION_CHECK_S: '2',
        },
      },
      async (rig) => {
        const { genesys } = rig.simulator;
        const count = sized(context, 1_200);
        const refused = sized(context, 30);
        const items = await rig.traffic.pend(count - refused);
        const forbidden = Array.from({ length: refused }, () => crypto.randomUUID());
        genesys.configure({ forbiddenTopics: forbidden.map((id) => `v2.detail.events.conversation.${id}.acw`) });
        const outcasts = forbidden.map((conversationId): Item => ({ story: 'forbidden', conversationId, code: 'x' }));
        await Promise.all(outcasts.map((item) => rig.traffic.handIn(item)));
        const held = await rig.until(() => genesys.topics().length === count - refused, 30_000);
        rig.expect(held, `${genesys.topics().length} topics are subscribed of ${count - refused}`);
        const full = genesys.channels().filter(({ topics }) => topics.length > 0);
        rig.expect(full.length >= 2, `all topics are on ${full.length} channel`);
        const reported = await rig.until(async () => (await countReported(rig, outcasts)) === refused, 20_000);
        rig.expect(reported, `${await countReported(rig, outcasts)} of ${refused} refusals are reported`);
        const victims = genesys.topics().slice(0, 10);
        for (const topic of victims) genesys.faults.dropTopic(topic);
        const repaired = await rig.until(() => victims.every((topic) => genesys.topics().includes(topic)), 60_000);
        rig.expect(repaired, 'topics that vanished were not subscribed again within 60 s');
        rig.traffic.finish(...items, ...outcasts);
        const counts = await rig.verdict(refused + 10, { withinMs: 60_000 });
        return { ...counts, extra: { ...counts.extra, channels: full.length, refused } };
      },
    ),
};

async function countReported(rig: Rig, items: readonly Item[]): Promise<number> {
  const answers = await Promise.all(
    items.map(({ id }) => rig.callers.call(rig.unit, 'GET', `/customers/supportInteraction/${id}`)),
  );
  return answers.filter((answer) => JSON.stringify(answer?.body['lastError'] ?? '').includes('topic.rejected')).length;
}

/** Text and binary frames of all kinds of nonsense between real events. */
export const fuzzedFrames: Scenario = {
  name: 'fuzzed-frames',
  study: [17],
  fault: '100,000 fuzzed frames: truncated, deep, wrong types, prototypes, binary, and one of 50 MB',
  databases: ['sqlite'],
  quick: 0.02,
  run: (context: Context) =>
    withRig(context, { traffic: { stories: STORIES, workMs: [50, 800] } }, async (rig) => {
      const { genesys } = rig.simulator;
      const random = new Random(17);
      const total = sized(context, 100_000, 2_000);
      const traffic = load(rig, 20);
      await rig.until(() => genesys.channels().some(({ connected }) => connected), 10_000);
      for (let sent = 0; sent < total; sent++) {
        genesys.faults.sendRaw('all', nonsense(random));
        if (sent % 200 === 0) await sleep(5);
      }
      // It reads them one after the other, and answers when it has come so far.
      let malformed = 0;
      await rig.until(async () => {
        malformed = await rig.metric('gateway_ws_frames_total', 'kind="malformed"');
        return malformed > total / 4;
      }, 60_000);
      rig.expect(malformed > total / 4, `${malformed} frames were counted as malformed of ${total}`);
      genesys.faults.sendRaw('all', `{"topicName":"x","eventBody":"${'x'.repeat(50 * 1024 * 1024)}"}`);
      await sleep(500);
      rig.audit.faultOver();
      await traffic.stop();
      const counts = await rig.verdict(total, { withinMs: 60_000 });
      return { ...counts, extra: { ...counts.extra, malformed } };
    }),
};

const VALID =
  '{"topicName":"v2.detail.events.conversation.4fce4357-7abc-44b9-81e5-64e1e9e0ccf1.acw","version":"2","eventBody":{"eventTime":1,"conversationId":"4fce4357-7abc-44b9-81e5-64e1e9e0ccf1"}}';

function nonsense(random: Random): string | Buffer {
  switch (random.between(0, 9)) {
    case 0:
      return VALID.slice(0, random.between(1, VALID.length - 1));
    case 1:
      return `{"topicName":${'['.repeat(500)}${']'.repeat(500)}}`;
    case 2:
      return '{"__proto__":{"polluted":true},"topicName":"v2.detail.events.conversation.x.acw","eventBody":{"__proto__":null}}';
    case 3:
      return Buffer.from(Array.from({ length: random.between(1, 200) }, () => random.between(0, 255)));
    case 4:
      return VALID.replace('"eventTime":1', `"eventTime":${random.pick(['"x"', '-1', '1e400', 'null', '{}'])}`);
    case 5:
      return random.pick(['null', '[]', '1', '"x"', 'true', '', '{}', '{"result":{}}', '{"topicName":7}']);
    case 6:
      return VALID.replace('"4fce4357-7abc-44b9-81e5-64e1e9e0ccf1"', random.pick(['null', '12', '"../../etc"', '[]']));
    case 7:
      return `{"topicName":"channel.metadata","eventBody":${random.pick(['null', '1', '{"message":null}', '{"message":{}}'])}}`;
    case 8:
      return [...VALID]
        .map((letter) => (random.chance(0.05) ? String.fromCharCode(random.between(32, 126)) : letter))
        .join('');
    default:
      return VALID;
  }
}
