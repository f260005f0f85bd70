import { Body, Controller, Delete, Headers, HttpCode, HttpStatus, Param, Post, UseGuards } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../access/access.decorators.js';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { storableText } from '../http/schemas.js';
import { gmsUserOf, idempotencyKeyOf, type RequestHeaders } from './notification.headers.js';
import { ApiNotifications, ApiPublished, ApiSubscribed, ApiUnsubscribed } from './notification.docs.js';
import { NotificationGate } from './notification.gate.js';
import {
  publicationSchema,
  subscriptionSchema,
  type PublicationRequest,
  type SubscriptionRequest,
} from './notification.schemas.js';
import { PublishService } from './publishing/publish.service.js';
import { SubscriptionService } from './subscriptions/subscription.service.js';

/** Longer ones belong to nobody. */
const givenId = storableText(512, 1);

/** The Notification API of Genesys Mobile Services; version 1 and 2 are the same. */
@ApiTags('notifications')
@ApiNotifications()
@UseGuards(NotificationGate)
@Controller('genesys/:version/notification')
export class NotificationController {
  constructor(
    private readonly subscriptions: SubscriptionService,
    private readonly publishing: PublishService,
  ) {}

  // What it says of 403 goes before what @Roles says, as decorators take effect from the last to the first.
  @ApiSubscribed()
  @Post('subscription')
  @HttpCode(HttpStatus.OK)
  @Roles('intake', 'publish')
  @ApiOperation({ summary: 'Subscribe a device to the events whose tag matches a filter' })
  async subscribe(
    @Body({ schema: subscriptionSchema }) body: SubscriptionRequest,
    @Headers() headers: RequestHeaders,
    @CurrentCaller() caller: Caller,
  ): Promise<{ id: string }> {
    const id = await this.subscriptions.subscribe(body, { caller, gmsUser: gmsUserOf(headers) });
    return { id };
  }

  @Delete('subscription/subscriber/:subscriberId')
  @Roles('intake', 'publish', 'admin')
  @ApiOperation({ summary: 'End all subscriptions of a subscriber that the same key made; admin ends anybody’s' })
  @ApiUnsubscribed('subscriber')
  async unsubscribeAll(
    @Param('subscriberId', { schema: givenId }) subscriberId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<object> {
    await this.subscriptions.endAllOf(subscriberId, caller);
    return {};
  }

  @Delete('subscription/:id')
  @Roles('intake', 'publish', 'admin')
  @ApiOperation({ summary: 'End a subscription that the same key made; admin ends anybody’s' })
  @ApiUnsubscribed('subscription')
  async unsubscribe(@Param('id', { schema: givenId }) id: string, @CurrentCaller() caller: Caller): Promise<object> {
    await this.subscriptions.end(id, caller);
    return {};
  }

  @Post('publish')
  @HttpCode(HttpStatus.OK)
  @Roles('publish')
  @ApiOperation({ summary: 'Publish an event to all matching subscriptions, or to the one device that it names' })
  @ApiPublished()
  async publish(
    @Body({ schema: publicationSchema }) body: PublicationRequest,
    @Headers() headers: RequestHeaders,
    @CurrentCaller() caller: Caller,
  ): Promise<object> {
    return this.publishing.publish(body, {
      caller: caller.name,
      gmsUser: gmsUserOf(headers),
      idempotencyKey: idempotencyKeyOf(headers),
    });
  }
}
