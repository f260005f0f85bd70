import { Controller, Get, Optional, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Roles } from '../access/access.decorators.js';
import { CursorInvalidError } from '../delivery/delivery.errors.js';
import { pageLimit, storableText } from '../http/schemas.js';
import { SubscriptionRepository } from '../push/subscriptions/subscription.repository.js';
import { PENDING_PUSHES_PAGE_SCHEMA, PUSH_LEDGER_SCHEMA, PUSH_SUBSCRIPTIONS_SCHEMA } from './operations.docs.js';
import { READERS } from './operations.roles.js';
import { PushPendingRepository } from './push-pending.repository.js';
import { PushLedgerRepository, type PushLedger } from './push.repository.js';
import {
  pendingPushesView,
  pushSubscriptionView,
  type PendingPushesView,
  type PushSubscriptionView,
} from './push.views.js';

/** Query of `GET /ops/push/subscriptions`. */
const subscriptionsSchema = z.strictObject({
  subscriberId: storableText(256, 1).optional(),
  limit: pageLimit(500, 50),
  cursor: z.string().max(200).optional(),
});
type SubscriptionsQuery = z.infer<typeof subscriptionsSchema>;

/** Query of `GET /ops/push/pending`. */
const pendingSchema = z.strictObject({
  limit: pageLimit(50, 20),
  cursor: storableText(2_048, 1).optional(),
});
type PendingQuery = z.infer<typeof pendingSchema>;

/** What operators see of the Notification API. With `PUSH_ENABLED=none` there are no subscriptions. */
@ApiTags('operations')
@Roles(...READERS)
@Controller('ops/push')
export class PushOperationsController {
  constructor(
    private readonly ledger: PushLedgerRepository,
    private readonly pending: PushPendingRepository,
    @Optional() private readonly subscriptions?: SubscriptionRepository,
  ) {}

  @Get('ledger')
  @ApiOperation({ summary: 'How many pushes are in each state; they always sum to total' })
  @ApiOkResponse({ description: 'The counts of one moment', schema: PUSH_LEDGER_SCHEMA })
  async readLedger(): Promise<PushLedger> {
    return this.ledger.read();
  }

  @Get('pending')
  @ApiOperation({
    summary: 'Destinations for which pushes wait, by name, and what failed last: who is down, and for how long',
  })
  @ApiOkResponse({ description: 'One page', schema: PENDING_PUSHES_PAGE_SCHEMA })
  async listPending(
    @Query({ schema: pendingSchema }) { limit, cursor }: PendingQuery,
  ): Promise<{ items: PendingPushesView[]; nextCursor?: string }> {
    const { rows, next } = await this.pending.page(cursor ?? '', limit);
    return { items: rows.map(pendingPushesView), ...(next === undefined ? {} : { nextCursor: next }) };
  }

  @Get('subscriptions')
  @ApiOperation({
    summary: 'Active push subscriptions, newest first; of devices no more than is needed to tell them apart',
  })
  @ApiOkResponse({ description: 'One page', schema: PUSH_SUBSCRIPTIONS_SCHEMA })
  async listSubscriptions(
    @Query({ schema: subscriptionsSchema }) { subscriberId, limit, cursor }: SubscriptionsQuery,
  ): Promise<{ items: PushSubscriptionView[]; nextCursor?: string }> {
    const before = cursor === undefined ? undefined : readCursor(cursor);
    const rows = (await this.subscriptions?.list({ limit: limit + 1, before, subscriberId })) ?? [];
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(pushSubscriptionView),
      ...(rows.length > limit && last ? { nextCursor: `${last.created_at}.${last.id}` } : {}),
    };
  }
}

function readCursor(cursor: string): { createdAt: number; id: string } {
  const [, createdAt, id] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(cursor) ?? [];
  if (createdAt === undefined || id === undefined) throw new CursorInvalidError();
  return { createdAt: Number(createdAt), id };
}
