import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { WrapupNames } from './conversations/wrapup-names.service.js';
import { CaptureService } from './conversations/capture.service.js';
import { ListeningCheck } from './conversations/listening-check.service.js';
import { ListeningService } from './conversations/listening.service.js';
import { LateLookupService } from './conversations/late-lookup.service.js';
import { LookupService } from './conversations/lookup.service.js';
import { DeliveryService } from './delivery/delivery.service.js';
import { OwnEvents } from './events/own-events.service.js';
import { ShutdownService } from './lifecycle/shutdown.service.js';
import { ChannelManager } from './notifications/channel-manager.service.js';
import { ChannelUpkeep } from './notifications/channel-upkeep.service.js';
import { ReplayRunner } from './replay/replay-runner.service.js';
import { RetentionService } from './retention/retention.service.js';
import { Database } from './storage/database.js';
import { ReplicaService } from './storage/replica.service.js';

/** Kept of the grace for aborting the deliveries under way and giving their claims back before the database is closed. */
const GIVE_BACK_MS = 500;

/** What runs in the background, in the order in which it starts; it ends in the reverse order. */
@Injectable()
export class GatewayService implements OnApplicationBootstrap {
  constructor(
    private readonly database: Database,
    private readonly replica: ReplicaService,
    private readonly delivery: DeliveryService,
    private readonly capture: CaptureService,
    private readonly events: OwnEvents,
    private readonly listening: ListeningService,
    private readonly listeningCheck: ListeningCheck,
    private readonly lookups: LookupService,
    private readonly lateLookups: LateLookupService,
    private readonly wrapupNames: WrapupNames,
    private readonly retention: RetentionService,
    private readonly manager: ChannelManager,
    private readonly upkeep: ChannelUpkeep,
    private readonly replays: ReplayRunner,
    private readonly shutdown: ShutdownService,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.replica.start();
    await this.delivery.start();
    this.events.start();
    this.listening.start();
    this.listeningCheck.start();
    this.lookups.start();
    this.lateLookups.start();
    this.wrapupNames.start();
    this.upkeep.start();
    this.retention.start();
    this.replays.start();
    this.shutdown.register('sources', 'events and look-ups', () => this.stopSources());
    this.shutdown.register('deliveries', 'delivery', (deadline) =>
      this.delivery.stop(deadline.remainingMs() - GIVE_BACK_MS),
    );
    this.shutdown.register('storage', 'database', () => this.stopStorage());
  }

  /** No more replays, look-ups and placements, then no more sockets; what has arrived is made durable. */
  private async stopSources(): Promise<void> {
    await this.replays.stop();
    await this.retention.stop();
    await this.upkeep.stop();
    await this.wrapupNames.stop();
    await this.lateLookups.stop();
    await this.lookups.stop();
    await this.listeningCheck.stop();
    await this.manager.stop();
    this.capture.stop();
    await this.listening.stop();
    await this.events.stop();
  }

  private async stopStorage(): Promise<void> {
    await this.replica.stop();
    await this.database.close();
  }
}
