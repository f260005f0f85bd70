import { type DynamicModule, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { readEnvironment } from '../config/boot.js';
import { CONFIG, type Config } from '../config/config.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { Outbox } from '../delivery/outbox.js';
import { Logs } from '../telemetry/logs.js';
import { CometModule, UnservedCometModule } from './comet/comet.module.js';
import { CometSessions } from './comet/comet-sessions.service.js';
import { NotificationController } from './notification.controller.js';
import { AddressPolicy } from './outbound/address-policy.js';
import { CallbackClient } from './outbound/callback-client.js';
import { CallbackProviders } from './outbound/callback-providers.js';
import { CallbackSender } from './outbound/callback-sender.js';
import { DnsNameResolver, NameResolver } from './outbound/name-resolver.js';
import { ProviderSettings } from './providers/provider-settings.js';
import { Texts } from './providers/texts.js';
import { ApnsPublisher } from './publishers/apns.publisher.js';
import { cometDestination, CometPublisher, destinationOfTag } from './publishers/comet.publisher.js';
import { CustomHttpPublisher } from './publishers/customhttp.publisher.js';
import { FcmPublisher } from './publishers/fcm.publisher.js';
import { HttpCallbackPublisher } from './publishers/httpcb.publisher.js';
import { OrsCallbackPublisher } from './publishers/orscb.publisher.js';
import type { Publisher } from './publishers/publisher.js';
import { PUBLISHERS, PushPublishers } from './publishers/push-publishers.js';
import { WnsPublisher } from './publishers/wns.publisher.js';
import { DeliveryLoader } from './publishing/delivery-loader.js';
import { DirectPush } from './publishing/direct-push.js';
import { EventRepository } from './publishing/event.repository.js';
import { FanOutQueue } from './publishing/fan-out-queue.js';
import { FanOutWorker } from './publishing/fan-out-worker.service.js';
import { FanOut } from './publishing/fan-out.js';
import { PublishService } from './publishing/publish.service.js';
import { PushEvents } from './publishing/push-events.js';
import { CometSink, PushSink } from './publishing/push.sink.js';
import { SubscriberLimits } from './publishing/subscriber-limits.js';
import { PushUpkeep } from './push-upkeep.service.js';
import { SecretBox } from './secrets/secret-box.js';
import { OWN_TAGS, OwnEventsRight } from './subscriptions/own-events-right.js';
import { SubscriptionIndex } from './subscriptions/subscription-index.js';
import { SubscriptionRepository } from './subscriptions/subscription.repository.js';
import { SubscriptionService } from './subscriptions/subscription.service.js';

const PUBLISHER_CLASSES = [
  HttpCallbackPublisher,
  CustomHttpPublisher,
  OrsCallbackPublisher,
  ApnsPublisher,
  FcmPublisher,
  WnsPublisher,
];

/** The Notification API, from the request to the device. */
@Module({
  imports: [DeliveryModule],
  controllers: [NotificationController],
  providers: [
    SecretBox,
    AddressPolicy,
    { provide: NameResolver, useClass: DnsNameResolver },
    CallbackClient,
    CallbackSender,
    {
      provide: ProviderSettings,
      inject: [CONFIG, SecretBox],
      useFactory: ({ push }: Config, box: SecretBox) =>
        ProviderSettings.load(push.providersFile, box, readEnvironment()),
    },
    { provide: CallbackProviders, useExisting: ProviderSettings },
    {
      provide: Texts,
      inject: [CONFIG, Logs],
      useFactory: ({ push }: Config, logs: Logs) => Texts.load(push.localizationFile, logs.of('push')),
    },
    ...PUBLISHER_CLASSES,
    {
      provide: PUBLISHERS,
      inject: [CometPublisher, ...PUBLISHER_CLASSES],
      useFactory: (...publishers: Publisher[]) => publishers,
    },
    PushPublishers,
    SubscriptionRepository,
    OwnEventsRight,
    SubscriptionIndex,
    SubscriptionService,
    EventRepository,
    SubscriberLimits,
    FanOutQueue,
    FanOut,
    FanOutWorker,
    DeliveryLoader,
    DirectPush,
    PublishService,
    PushSink,
    CometSink,
    PushEvents,
    PushUpkeep,
  ],
  exports: [PushEvents, SubscriptionIndex, SubscriptionRepository],
})
class EnabledPushModule implements OnModuleInit, OnModuleDestroy {
  private connecting: Subscription | undefined;

  constructor(
    private readonly delivery: DeliveryService,
    private readonly outbox: Outbox,
    private readonly sink: PushSink,
    private readonly cometSink: CometSink,
    private readonly sessions: CometSessions,
  ) {}

  onModuleInit(): void {
    this.cometSink.reachable = () => [
      ...this.sessions.users().map(cometDestination),
      ...this.sessions.users('own-events').map((user) => destinationOfTag(cometDestination(user), OWN_TAGS)),
    ];
    this.delivery.register(this.sink);
    this.delivery.register(this.cometSink);
    // What waits for a user who was away is claimed when he comes.
    this.connecting = this.sessions.connected$.subscribe(() => this.outbox.wake());
  }

  onModuleDestroy(): void {
    this.connecting?.unsubscribe();
  }
}

/** Without the Notification API the gateway's own events go nowhere. */
@Module({ providers: [PushEvents], exports: [PushEvents] })
class DisabledPushModule {}

/** Everything below `src/push`, or next to nothing with `PUSH_ENABLED=none`. */
@Module({})
export class PushModule {
  static forRoot({ push }: Pick<Config, 'push'>): DynamicModule {
    const comet = push.enabled.includes('comet') ? CometModule : UnservedCometModule;
    const inner: DynamicModule =
      push.enabled.length === 0 ? { module: DisabledPushModule } : { module: EnabledPushModule, imports: [comet] };
    return { module: PushModule, global: true, imports: [inner], exports: [inner] };
  }
}
