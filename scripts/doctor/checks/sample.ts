import { randomUUID } from 'node:crypto';
import { oneLine } from '../../../src/common/one-line.js';
import { HistoryClient } from '../../../src/history/history.client.js';
import { type HistoryRecord, SAMPLE_RECORD } from '../../../src/history/record.js';
import { type Check, failure, ok } from '../check.js';

/** Of the answer's text. */
const MAX_SHOWN = 300;

/** Sends a record, only when asked for: it stays there. */
export const sample: Check = {
  name: 'sample',
  needs: ['history', 'mapping'],
  unasked: ({ options }) =>
    options.sendSample ? undefined : 'sent only with --send-sample: it stays at the history service',
  async run(on, signal) {
    const record = sampleRecord();
    const client = new HistoryClient(on.config);
    try {
      const body = await on.mapping.body(JSON.stringify(record));
      const key = record.recordId;
      const outcome = await client.post({ idempotencyKey: key, correlationId: record.interactionId, body }, signal);
      const facts = { idempotencyKey: key, outcome: outcome.kind };
      if (outcome.kind === 'delivered') {
        return ok(
          `taken (${outcome.status}), under the Idempotency-Key ${key}, for the customer ${record.customerId}`,
          { facts },
        );
      }
      const answer =
        'answer' in outcome && outcome.answer ? ` It said: ${oneLine(outcome.answer).slice(0, MAX_SHOWN)}` : '';
      const why = 'message' in outcome ? outcome.message : outcome.kind;
      const then = outcome.kind === 'refused' ? 'Records would be dead letters.' : 'Records would be tried again.';
      return failure(
        `${why}. ${then}${answer}`,
        'Check HISTORY_URL, HISTORY_TOKEN, and HISTORY_MAPPING_FILE where it wants another body.',
        { facts },
      );
    } finally {
      await client.onApplicationShutdown();
    }
  },
};

/** New ids each time: under a key that it knows, the history service would not look at it. */
function sampleRecord(): HistoryRecord {
  return {
    ...SAMPLE_RECORD,
    recordId: randomUUID(),
    interactionId: randomUUID(),
    conversationId: randomUUID(),
    customerId: 'genesys-gateway-sample',
    subject: 'Sample of genesys-gateway doctor: no customer, to be ignored',
    notes: 'Sample of genesys-gateway doctor: no customer, to be ignored',
    attributes: { sample: 'true' },
  };
}
