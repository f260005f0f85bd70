import { type HistoryRecord, recordIdOf } from '../history/record.js';
import type { InteractionRow } from '../storage/schema.js';
import { type AfterCallWork, present } from './after-call-work.js';
import type { SupportResult } from './interaction.schemas.js';

/** All that a record has of its interaction. */
type Recorded = Pick<
  InteractionRow,
  'id' | 'conversation_id' | 'customer_id' | 'agent_id' | 'channel' | 'subject' | 'notes' | 'attributes'
>;

/** The record of an interaction that Genesys completed, by event or by look-up. */
export function recordOfWork(interaction: Recorded, work: AfterCallWork, capturedAt: number): HistoryRecord {
  return present<HistoryRecord>({
    ...identity(interaction),
    source: 'genesys-cloud',
    obtainedBy: work.obtainedBy,
    agentId: work.userId ?? (interaction.agent_id || undefined),
    participantId: work.participantId,
    sessionId: work.sessionId,
    queueId: work.queueId,
    channel: interaction.channel ?? work.channel,
    direction: work.direction,
    ani: work.ani,
    dnis: work.dnis,
    wrapup: present({
      code: work.wrapupCode,
      name: work.wrapupName,
      notes: work.wrapupNotes,
      durationMs: work.wrapupDurationMs,
    }),
    media: work.media,
    callback: work.callback,
    externalContactIds: work.externalContactIds,
    externalOrganizationIds: work.externalOrganizationIds,
    endedAt: work.endedAt === undefined ? undefined : new Date(work.endedAt).toISOString(),
    capturedAt: new Date(capturedAt).toISOString(),
    subject: interaction.subject,
    notes: interaction.notes,
    attributes: attributesOf(interaction),
  });
}

/** The record of a result that was handed in; what it leaves open comes from the interaction that it completes. */
export function recordOfResult(interaction: InteractionRow, result: SupportResult, capturedAt: number): HistoryRecord {
  return present<HistoryRecord>({
    ...identity(interaction),
    source: 'manual',
    obtainedBy: 'manual',
    agentId: interaction.agent_id || undefined,
    channel: result.channel ?? interaction.channel,
    direction: result.direction,
    wrapup: present({ code: result.wrapupCode, notes: result.wrapupNotes, durationMs: result.wrapupDurationMs }),
    endedAt: result.endedAt === undefined ? undefined : new Date(result.endedAt).toISOString(),
    capturedAt: new Date(capturedAt).toISOString(),
    subject: result.subject ?? interaction.subject,
    notes: result.notes ?? interaction.notes,
    attributes: result.attributes ?? attributesOf(interaction),
  });
}

function identity(
  interaction: Recorded,
): Pick<HistoryRecord, 'recordId' | 'type' | 'interactionId' | 'conversationId' | 'customerId'> {
  return {
    recordId: recordIdOf(interaction.id),
    type: 'SUPPORT_INTERACTION',
    interactionId: interaction.id,
    conversationId: interaction.conversation_id,
    customerId: interaction.customer_id,
  };
}

function attributesOf(interaction: Recorded): Record<string, string> | undefined {
  return interaction.attributes === null ? undefined : (JSON.parse(interaction.attributes) as Record<string, string>);
}
