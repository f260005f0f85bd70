import type { AfterCallWork } from '../../../src/conversations/after-call-work.js';
import { findingsOf, workOfConversation } from '../../../src/conversations/finished-work.js';
import { recordOfWork } from '../../../src/conversations/interaction-record.js';
import { byRank } from '../../../src/conversations/precedence.js';
import type { HistoryRecord } from '../../../src/history/record.js';
import { type Check, ok, type Verdict, warning } from '../check.js';
import type { Installation } from '../installation.js';

/** What whoever hands the interaction in says, and what is made of it. */
const UNKNOWN = '(of the interaction)';
const NOTICE = 'Data of a customer, shown because --conversation asked for it:';

interface Seen {
  /** Whether each look-up knows the conversation. */
  bulk: boolean;
  single: boolean;
  works: AfterCallWork[];
}

/** Both look-ups of one conversation, and the record that each finished work would give. Only when asked for. */
export const conversation: Check = {
  name: 'conversation',
  needs: ['region', 'mapping'],
  limitMs: 40_000,
  unasked: ({ options }) =>
    options.conversation === undefined
      ? 'looked up only with --conversation <id>: it shows data of a customer'
      : undefined,
  async run(on, signal) {
    const id = on.options.conversation ?? '';
    return judged(id, await lookUp(on, id, signal), on);
  },
};

/** As the gateway does: in bulk first, which has the finer times; singly for what that does not tell. */
async function lookUp({ genesys }: Installation, id: string, signal: AbortSignal): Promise<Seen> {
  const once = { signal, tries: 1 };
  const inBulk = findingsOf(await genesys.conversationDetails([id], once)).get(id);
  const singly = await genesys.conversation(id, once);
  const more = singly ? workOfConversation(id, singly).finished : [];
  const works = inBulk?.finished.length ? inBulk.finished : more;
  return { bulk: inBulk !== undefined, single: singly !== undefined, works: works.toSorted(byRank) };
}

async function judged(id: string, { bulk, single, works }: Seen, { mapping }: Installation): Promise<Verdict> {
  const by = `in bulk ${bulk ? 'known' : 'unknown'}, singly ${single ? 'known' : 'unknown'}`;
  if (!bulk && !single) {
    return warning(
      `Genesys knows no conversation ${id} (${by})`,
      'Check the id, the region, and the divisions of the roles. A new one may be missing in bulk for a while, an old one singly.',
    );
  }
  if (works.length === 0) {
    return warning(`${by}: no finished after-call work yet`, 'Ask again when an agent has finished it.');
  }
  const bodies: unknown[] = [];
  for (const work of works) bodies.push(JSON.parse(await mapping.body(JSON.stringify(recordOf(work)))));
  const which =
    works.length === 1
      ? 'the record of its after-call work'
      : `the records of ${works.length} agents' after-call work; an interaction without agentId gets the first`;
  const lines = bodies.flatMap((body) => JSON.stringify(body, undefined, 2).split('\n'));
  return ok(`${by}; ${which} would be as follows`, {
    more: [NOTICE, ...lines],
    facts: { notice: NOTICE, records: bodies },
  });
}

function recordOf(work: AfterCallWork): HistoryRecord {
  const interaction = {
    id: UNKNOWN,
    conversation_id: work.conversationId,
    customer_id: UNKNOWN,
    agent_id: '',
    channel: null,
    subject: null,
    notes: null,
    attributes: null,
  };
  return { ...recordOfWork(interaction, work, Date.now()), recordId: UNKNOWN };
}
