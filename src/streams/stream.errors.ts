import { GatewayError } from '../common/errors.js';

/** As many streams are open as one process serves. */
export class StreamsFullError extends GatewayError {
  override readonly code = 'streams.full';
  override readonly status = 503;

  constructor(limit: number) {
    super(`${limit} conversation streams are open, the limit of one process; try again when one has ended.`);
  }
}

/** One caller has as many streams open as it may. */
export class TooManyStreamsError extends GatewayError {
  override readonly code = 'streams.too-many';
  override readonly status = 429;

  constructor(caller: string, limit: number) {
    super(
      `The key "${caller}" has ${limit} conversation streams open, the limit; follow several conversations in one ` +
        'stream (conversationId=a,b), or end another stream first.',
    );
  }
}

/** Following this would take more topics than streams may use: interactions need the others. */
export class StreamCapacityError extends GatewayError {
  override readonly code = 'streams.capacity';
  override readonly status = 503;

  constructor(needed: number, used: number, limit: number) {
    super(
      `This stream needs ${needed} more topics at Genesys; streams use ${used} of the ${limit} that they may use ` +
        '(10 % of CHANNEL_MAX_TOPICS × CHANNEL_MAX_COUNT). Name fewer conversations, or fewer types with eventType.',
    );
  }
}

/** The instance goes away; another one takes the stream. */
export class StreamsEndingError extends GatewayError {
  override readonly code = 'shutdown.in-progress';
  override readonly status = 503;

  constructor() {
    super('This instance is shutting down; open the stream again.');
  }
}
