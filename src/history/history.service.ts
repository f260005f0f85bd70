import { Injectable } from '@nestjs/common';
import type { DeliveryDraft } from '../delivery/sink.js';
import { HISTORY_SINK, HistorySink } from './history.sink.js';
import type { OutcomeFollower } from './history.sink.js';
import type { HistoryRecord } from './record.js';

/** What the rest of the gateway needs of the communication history. */
@Injectable()
export class HistoryService {
  constructor(private readonly sink: HistorySink) {}

  /**
   * The delivery of a record, for the outbox. Records of one conversation go out in the order in which they were
   * captured. @param receivedAt epoch ms at which the event behind it arrived.
   * @param correlationId what the caller calls the matter
   */
  draft(record: HistoryRecord, receivedAt: number, correlationId: string | null): DeliveryDraft {
    return {
      id: record.recordId,
      sink: HISTORY_SINK,
      orderKey: record.conversationId,
      subjectId: record.interactionId,
      payload: JSON.stringify(record),
      receivedAt,
      correlationId,
    };
  }

  /** Adds somebody who moves interactions along with their records. At least one is needed before anything can end. */
  onOutcome(follower: OutcomeFollower): void {
    this.sink.follow(follower);
  }
}
