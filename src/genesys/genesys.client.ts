import { HttpService } from '@nestjs/axios';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Tally } from '../common/hourly-tally.js';
import { TokenService } from '../auth/token.service.js';
import type { HttpAnswer } from '../common/http-exchange.js';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import {
  availableTopicsOf,
  badAnswer,
  channelOf,
  entitiesOf,
  listedChannelsOf,
  objectOf,
  topicIdsOf,
  topicStatesOf,
  wrapupCodesOf,
} from './answers.js';
import {
  type AnalyticsConversation,
  analyticsConversationsOf,
  type Conversation,
  conversationOf,
} from './conversation-answers.js';
import { errorOf, isForeign } from './error-body.js';
import { GenesysRequestError, TooManyIdsError } from './genesys.errors.js';
import type {
  AvailableTopic,
  GenesysChannel,
  ListedChannel,
  LookupPriority,
  TopicState,
  WrapupCodePage,
} from './genesys.types.js';
import { RequestBudget } from './request-budget.js';
import { RequestPipeline } from './request-pipeline.js';
import type { BudgetView } from './request-budget.js';
import type { GenesysCall, TokenSource } from './request-pipeline.js';

export interface CallOptions {
  /** Gives the call up: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called right before each sending, after all waiting; what it throws keeps the request from going out. */
  check?: () => void;
  /** How often it is tried in all when it fails in a way that may pass; default 3. */
  tries?: number;
}

export interface LookupOptions extends CallOptions {
  /** Who goes first; default `gap`. */
  priority?: LookupPriority;
}

/** A listing of 1,000 topics is some 200 KB. */
const MAX_BYTES = 2 * 1024 * 1024;

/** A hundred conversations with all their segments. */
const MAX_ANALYTICS_BYTES = 20 * 1024 * 1024;

/** What a production client sends at once; Genesys' own limit is not known (docs/wire-facts.md §5.3). */
const MAX_DETAILS_IDS = 100;

/** What listings of this API take at the least; no source gives the most (docs/wire-facts.md §5.4). */
const WRAPUP_PAGE_SIZE = 100;

/** How often a request is sent in all. */
const TRIES = 3;

const CHANNELS = '/api/v2/notifications/channels';

/** Without `expand` these fields are absent. */
const TOPICS = '/api/v2/notifications/availabletopics?expand=requiresPermissions,permissionDetails,transports';

/**
 * Genesys Cloud's REST API, as far as the gateway needs it. Each method may throw GenesysRequestError (or the subclass
 * that names the case), GenesysRateLimitError, GenesysUnreachableError and the errors of TokenService.
 */
@Injectable()
export class GenesysClient implements OnApplicationShutdown {
  private readonly budget: RequestBudget;
  private readonly pipeline: RequestPipeline;
  private readonly closing = new AbortController();

  constructor(
    http: HttpService,
    @Inject(CONFIG) config: Config,
    @Inject(TokenService) tokens: TokenSource,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.budget = new RequestBudget(config.genesys.requestsPerMinute);
    const log = logs.of('genesys');
    this.pipeline = new RequestPipeline(
      http.axiosRef,
      config.genesys,
      tokens,
      this.budget,
      metrics,
      log,
      this.closing.signal,
    );
  }

  /** Gives up what is under way; calls fail from then on. */
  onApplicationShutdown(): void {
    this.budget.close();
    this.closing.abort();
  }

  /** How many look-ups could be sent at this moment without waiting. */
  spare(): number {
    return this.budget.spare();
  }

  /** How the request budget stands. */
  get budgetView(): BudgetView {
    return this.budget.view();
  }

  /** REST requests of this process in the last 24 hours, by operation. */
  get sent(): Tally {
    return this.pipeline.sent.read();
  }

  /**
   * How far Genesys' wall clock is from this process', in milliseconds (negative: behind), by the `Date` of its latest
   * answer: to about a second. Undefined before the first. A `Date` more than 3 h away is not believed.
   */
  clockOffsetMs(): number | undefined {
    return this.pipeline.clockOffsetMs;
  }

  /** Whether Genesys answers at all at this moment, asked once and with what needs no permission (docs/wire-facts.md §2). */
  async isThere(options: LookupOptions = {}): Promise<boolean> {
    try {
      const call = this.call('list-channels', 'GET', CHANNELS, { ...options, tries: 1 }, priorityOf(options));
      entitiesOf(await this.pipeline.request(call), call.operation);
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof GenesysRequestError) || error.foreign) return false;
      return error.status < 500 && error.status !== 401;
    }
  }

  /**
   * A new channel. Not sent again after a failure that leaves open whether Genesys made one (a lost connection, a
   * time-out, 408, 500, 502, 504): the 21st channel evicts another, and a channel that nobody knows of takes a place for a day.
   * Sent again after 429, 503, and when no connection came about. Otherwise the caller decides.
   */
  async createChannel(options: CallOptions = {}): Promise<GenesysChannel> {
    const call = this.call('create-channel', 'POST', CHANNELS, options, { repeat: 'once' });
    return channelOf(await this.pipeline.request(call), call.operation);
  }

  /** Every channel of the OAuth client, whoever made it. */
  async channels(options: CallOptions = {}): Promise<ListedChannel[]> {
    const call = this.call('list-channels', 'GET', `${CHANNELS}?includechannels=oauthclient`, options, {});
    return listedChannelsOf(entitiesOf(await this.pipeline.request(call), call.operation));
  }

  /** Every topic that can be subscribed, with what it asks for. */
  async availableTopics(options: CallOptions = {}): Promise<AvailableTopic[]> {
    const call = this.call('list-topics', 'GET', TOPICS, options, {});
    return availableTopicsOf(entitiesOf(await this.pipeline.request(call), call.operation));
  }

  /** Whether Genesys still knows the channel. */
  async channelExists(channelId: string, options: CallOptions = {}): Promise<boolean> {
    const path = `${CHANNELS}/${encodeURIComponent(channelId)}`;
    const answer = await this.pipeline.request(
      this.call('check-channel', 'HEAD', path, options, { channelId, accept: [404] }),
    );
    return answer.status !== 404;
  }

  /** The ids of the topics that the channel is subscribed to. @throws ChannelGoneError */
  async subscriptions(channelId: string, options: CallOptions = {}): Promise<string[]> {
    const call = this.subscriptionCall('list-subscriptions', 'GET', channelId, options);
    return topicIdsOf(entitiesOf(await this.pipeline.request(call), call.operation));
  }

  /**
   * Adds topics. One that is not permitted does not keep the others out; see each one's state.
   * @throws ChannelGoneError, TooManyTopicsError
   */
  subscribe(channelId: string, topics: readonly string[], options: CallOptions = {}): Promise<TopicState[]> {
    if (topics.length === 0) return Promise.resolve([]);
    return this.changeSubscriptions('subscribe', 'POST', channelId, topics, options);
  }

  /** Makes these the channel's only topics. @throws ChannelGoneError, TooManyTopicsError */
  replaceSubscriptions(channelId: string, topics: readonly string[], options: CallOptions = {}): Promise<TopicState[]> {
    return this.changeSubscriptions('replace-subscriptions', 'PUT', channelId, topics, options);
  }

  /** Removes all topics of the channel. @throws ChannelGoneError */
  async clearSubscriptions(channelId: string, options: CallOptions = {}): Promise<void> {
    await this.pipeline.request(this.subscriptionCall('clear-subscriptions', 'DELETE', channelId, options));
  }

  /**
   * The conversation as it is now; undefined when Genesys does not know it (any more). A 404 that does not look like Genesys'
   * is an error (`foreign`).
   */
  async conversation(id: string, options: LookupOptions = {}): Promise<Conversation | undefined> {
    const path = `/api/v2/conversations/${encodeURIComponent(id)}`;
    const call = this.call('get-conversation', 'GET', path, options, { ...priorityOf(options), accept: [404] });
    const answer = await this.pipeline.request(call);
    if (answer.status !== 404) return conversationOf(objectOf(answer, call.operation));
    if (isForeign(answer)) throw errorOf(answer, call.operation);
    return undefined;
  }

  /**
   * What analytics knows of these conversations, in no order; those it does not know are missing.
   * @throws TooManyIdsError for more than 100, GenesysAnswerTooLargeError for more than 20 MB.
   */
  async conversationDetails(ids: readonly string[], options: LookupOptions = {}): Promise<AnalyticsConversation[]> {
    if (ids.length === 0) return [];
    if (ids.length > MAX_DETAILS_IDS) {
      throw new TooManyIdsError(
        `${ids.length} conversations at once; at most ${MAX_DETAILS_IDS}. Ask in several requests.`,
      );
    }
    // One value with commas, as the official SDK sends it, although the parameter is declared as repeatable.
    const path = `/api/v2/analytics/conversations/details?id=${ids.map(encodeURIComponent).join(',')}`;
    const call = this.call('get-conversation-details', 'GET', path, options, {
      ...priorityOf(options),
      maxBytes: MAX_ANALYTICS_BYTES,
    });
    return this.conversationsOf(await this.pipeline.request(call), call.operation);
  }

  /** One page of the organisation's wrap-up codes, 1 being the first. Needs `routing:wrapupCode:view`. */
  async wrapupCodes(page: number, options: LookupOptions = {}): Promise<WrapupCodePage> {
    const path = `/api/v2/routing/wrapupcodes?pageSize=${WRAPUP_PAGE_SIZE}&pageNumber=${page}`;
    const call = this.call('list-wrapup-codes', 'GET', path, options, priorityOf(options));
    return wrapupCodesOf(await this.pipeline.request(call), call.operation);
  }

  private conversationsOf(answer: HttpAnswer, operation: string): AnalyticsConversation[] {
    const { conversations = [] } = objectOf(answer, operation);
    if (!Array.isArray(conversations)) throw badAnswer(answer, operation, 'a list of conversations');
    return analyticsConversationsOf(conversations);
  }

  private async changeSubscriptions(
    operation: string,
    method: 'POST' | 'PUT',
    channelId: string,
    topics: readonly string[],
    options: CallOptions,
  ): Promise<TopicState[]> {
    const body = topics.map((id) => ({ id }));
    const call = { ...this.subscriptionCall(operation, method, channelId, options), body };
    return topicStatesOf(topics, entitiesOf(await this.pipeline.request(call), operation));
  }

  private subscriptionCall(
    operation: string,
    method: GenesysCall['method'],
    channelId: string,
    options: CallOptions,
  ): GenesysCall {
    // Without ignoreErrors one topic that is not permitted makes the whole request fail (docs/wire-facts.md §2).
    const query = method === 'POST' || method === 'PUT' ? '?ignoreErrors=true' : '';
    const path = `${CHANNELS}/${encodeURIComponent(channelId)}/subscriptions${query}`;
    return this.call(operation, method, path, options, { channelId });
  }

  private call(
    operation: string,
    method: GenesysCall['method'],
    path: string,
    { signal, check, tries = TRIES }: CallOptions,
    more: Partial<GenesysCall>,
  ): GenesysCall {
    const usual = { priority: 'channel', repeat: 'idempotent', maxBytes: MAX_BYTES } as const;
    return { operation, method, path, signal, check, tries, ...usual, ...more };
  }
}

function priorityOf({ priority = 'gap' }: LookupOptions): { priority: LookupPriority } {
  return { priority };
}
