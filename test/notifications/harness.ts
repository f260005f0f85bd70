import { Test } from '@nestjs/testing';
import { ScheduleModule } from '@nestjs/schedule';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, merge, type Observable, startWith, timeout } from 'rxjs';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { type Environment, parseEnvironment } from '../../src/config/environment.js';
import { ChannelFleet } from '../../src/notifications/channel-fleet.service.js';
import { ChannelManager } from '../../src/notifications/channel-manager.service.js';
import { ChannelUpkeep } from '../../src/notifications/channel-upkeep.service.js';
import type { Covered } from '../../src/notifications/coverage.js';
import { GapRecorder } from '../../src/notifications/gap-recorder.service.js';
import { GapRepository } from '../../src/notifications/gap.repository.js';
import { NotificationsModule } from '../../src/notifications/notifications.module.js';
import type { TopicEvent, TopicRejected } from '../../src/notifications/notifications.types.js';
import { Database } from '../../src/storage/database.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import { StorageModule } from '../../src/storage/storage.module.js';
import { TelemetryModule } from '../../src/telemetry/telemetry.module.js';
import { gatewayEnvironment } from '../helpers/environment.js';

/** The channels of a gateway, without interactions: topics are wanted by hand. */
export interface ChannelsUnderTest {
  simulator: Simulator;
  manager: ChannelManager;
  fleet: ChannelFleet;
  gaps: GapRepository;
  database: Database;
  events: TopicEvent[];
  covered: Covered[];
  rejected: TopicRejected[];
  /** Ends the process in a way that leaves channels as they are, and starts another on the same database. */
  restart(topics: string[]): Promise<void>;
  /** Resolves when the condition holds; looked at again after each event, covering and signal of a channel. */
  when(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export function topicOf(n: number): string {
  return `v2.detail.events.conversation.00000000-0000-4000-8000-${String(n).padStart(12, '0')}.acw`;
}

export function topics(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => topicOf(from + index));
}

export async function startChannels(
  options: { simulator?: SimulatorOptions; environment?: Environment } = {},
): Promise<ChannelsUnderTest> {
  const simulator = await startSimulator(options.simulator);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-channels-'));
  const target = { kind: 'sqlite', file: join(folder, 'gateway.db') } as const;
  const config = parseEnvironment(gatewayEnvironment(simulator, target, options.environment));
  const under = { simulator, events: [], covered: [], rejected: [] } as unknown as ChannelsUnderTest;
  let end: () => Promise<void> = () => Promise.resolve();

  const boot = async (resumed: string[]): Promise<void> => {
    const app = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule,
        ScheduleModule.forRoot(),
        StorageModule,
        NotificationsModule,
      ],
    }).compile();
    await app.init();
    const replica = app.get(ReplicaService);
    await replica.start();
    const manager = app.get(ChannelManager);
    const upkeep = app.get(ChannelUpkeep);
    Object.assign(under, {
      manager,
      fleet: app.get(ChannelFleet),
      gaps: app.get(GapRepository),
      database: app.get(Database),
    });
    manager.events$.subscribe((event) => under.events.push(event));
    manager.covered$.subscribe((covered) => under.covered.push(covered));
    manager.rejected$.subscribe((rejected) => under.rejected.push(rejected));
    await replica.takeOver();
    await manager.resume(resumed);
    upkeep.start();
    end = async () => {
      await upkeep.stop();
      await manager.stop();
      await app.get(GapRecorder).idle();
      await replica.stop();
      await app.close();
      await app.get(Database).close();
    };
  };

  under.restart = async (resumed) => {
    await end();
    await boot(resumed);
  };
  under.when = (condition) =>
    until(merge(under.manager.covered$, under.manager.events$, under.fleet.signals$), condition);
  under.stop = async () => {
    await end();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  };
  await boot([]);
  return under;
}

/** Rejects after 15 s without a value that makes the condition true. */
async function until(stream: Observable<unknown>, condition: () => boolean): Promise<void> {
  await firstValueFrom(stream.pipe(startWith(undefined), filter(condition), timeout(15_000)));
}
