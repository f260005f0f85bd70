import { nameUuids } from '../common/name-uuid.js';

/**
 * Namespace of the record ids. NEVER change it: the id is the idempotency key under which the history service knows what
 * it has, and with another namespace every interaction in flight during the upgrade would be recorded twice.
 */
const RECORD_NAMESPACE = 'b6a1d2c4-3f0e-4c58-9d57-8a4e6f1b2c90';
const recordUuid = nameUuids(RECORD_NAMESPACE);

/** What the communication history is given, once per interaction. Absent values are left out, never null. */
export interface HistoryRecord {
  recordId: string;
  type: 'SUPPORT_INTERACTION';
  source: 'genesys-cloud' | 'manual';
  /** How the end of the work became known: pushed, found by asking after a gap, or handed in. */
  obtainedBy: 'event' | 'lookup' | 'manual';
  interactionId: string;
  conversationId: string;
  customerId: string;
  agentId?: string;
  participantId?: string;
  sessionId?: string;
  queueId?: string;
  channel?: string;
  direction?: string;
  ani?: string;
  dnis?: string;
  /** `name` of the code where it is known without asking for it. */
  wrapup?: { code?: string; name?: string; notes?: string; durationMs?: number };
  /** As Genesys says it, kinds in capitals. */
  media?: {
    type?: string;
    provider?: string;
    messageType?: string;
    addressFrom?: string;
    addressTo?: string;
    subject?: string;
  };
  /** `scheduledAt` in ISO 8601. */
  callback?: { numbers?: string[]; userName?: string; scheduledAt?: string };
  externalContactIds?: string[];
  externalOrganizationIds?: string[];
  /** ISO 8601. */
  endedAt?: string;
  /** ISO 8601. */
  capturedAt: string;
  subject?: string;
  notes?: string;
  attributes?: Record<string, string>;
}

/** The record's id: the same on every attempt, restart, replica and replay, whatever completed the interaction. */
export function recordIdOf(interactionId: string): string {
  return recordUuid(interactionId);
}

/** One with every field, to try a mapping on. */
export const SAMPLE_RECORD: HistoryRecord = {
  recordId: '5d6f2f8e-6a51-5f2d-9a38-2f6f0f6f3f10',
  type: 'SUPPORT_INTERACTION',
  source: 'genesys-cloud',
  obtainedBy: 'event',
  interactionId: '0b0e7c0a-4d8a-4b64-8a5e-5f7f5a0f6b11',
  conversationId: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1',
  customerId: 'C-1001',
  agentId: 'c1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf2',
  participantId: 'a1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf3',
  sessionId: 'b1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf4',
  queueId: 'd1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf5',
  channel: 'CALL',
  direction: 'INBOUND',
  ani: 'tel:+491701234567',
  dnis: 'tel:+498912345678',
  wrapup: {
    code: 'f1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf6',
    name: 'Sample code',
    notes: 'Sample notes',
    durationMs: 15_000,
  },
  media: {
    type: 'VOICE',
    provider: 'Edge',
    messageType: 'SMS',
    addressFrom: 'customer@example.com',
    addressTo: 'support@example.org',
    subject: 'Sample subject of an e-mail',
  },
  callback: { numbers: ['+491701234567'], userName: 'Sample name', scheduledAt: '2026-01-03T09:00:00.000Z' },
  externalContactIds: ['01d2a3b4-7abc-44b9-81e5-64e1e9e0ccf7'],
  externalOrganizationIds: ['11d2a3b4-7abc-44b9-81e5-64e1e9e0ccf8'],
  endedAt: '2026-01-02T03:04:05.678Z',
  capturedAt: '2026-01-02T03:04:05.789Z',
  subject: 'Sample subject',
  notes: 'Sample notes',
  attributes: { caseId: '88' },
};
