import { z } from 'zod';
import { NotThere } from '../common/misuse.js';
import { conversationView } from '../genesys/conversations/conversation-view.js';
import { operation, type Operation } from './operation.js';
import { defined } from './defined.js';

const agent = z.strictObject({
  userId: z.string().optional(),
  participantId: z.string().optional(),
  sessionId: z.string().optional(),
  queueId: z.string().optional(),
  stateShown: z.enum(['state', 'unknown', 'empty', 'missing']).optional(),
});
const contact = {
  ani: z.string().optional(),
  dnis: z.string().optional(),
  addressFrom: z.string().optional(),
  addressTo: z.string().optional(),
  subject: z.string().optional(),
  messageType: z.string().optional(),
  callbackNumbers: z.array(z.string()).max(100).optional(),
  callbackUserName: z.string().optional(),
  callbackScheduledTime: z.number().int().optional(),
  externalContactId: z.string().optional(),
  externalOrganizationId: z.string().optional(),
  utilizationLabel: z.string().optional(),
};
const wrapup = {
  wrapupCode: z.string().optional(),
  wrapupName: z.string().optional(),
  wrapupNotes: z.string().optional(),
};
const which = { userId: z.string().optional(), participantId: z.string().optional(), sessionId: z.string().optional() };

const start = z.strictObject({
  id: z.uuid().optional(),
  mediaType: z.string().optional(),
  direction: z.enum(['INBOUND', 'OUTBOUND']).optional(),
  agents: z.array(agent).max(100).optional(),
  queueId: z.string().optional(),
  provider: z.string().optional(),
  startedAt: z.number().int().optional(),
  ...contact,
});

const endLeg = z.strictObject({
  ...which,
  disconnectType: z.string().optional(),
  endedAt: z.number().int().optional(),
  work: z.enum(['pending', 'notApplicable']).optional(),
  suppressEvent: z.boolean().optional(),
});

const finishWork = z.strictObject({
  ...which,
  ...wrapup,
  wrapupDurationMs: z.number().min(0).optional(),
  eventTime: z.number().int().optional(),
  duplicate: z.union([z.boolean(), z.number().int().min(0).max(100)]).optional(),
  suppressEvent: z.boolean().optional(),
  reverseOrder: z.boolean().optional(),
  disconnectType: z.string().optional(),
});

const noAnswer = agent.extend({
  ...wrapup,
  alertMs: z.number().min(0).optional(),
  wrapupDurationMs: z.number().min(0).optional(),
  eventTime: z.number().int().optional(),
  disconnectType: z.string().optional(),
  suppressEvent: z.boolean().optional(),
});

const BASE = '/genesys/conversations';

/** What happens in the contact centre. */
export const conversationOperations: Operation[] = [
  operation(
    `POST ${BASE}`,
    'Start a conversation, with one agent unless others are named',
    start,
    ({ genesys }, { body }) => genesys.conversations.start(defined(body)),
  ),
  operation(`GET ${BASE}`, 'The newest conversations; ?limit=', z.strictObject({}), ({ genesys }, { query }) => {
    const list = genesys.conversations.list();
    const limit = Math.min(Number.parseInt(query['limit'] ?? '100', 10) || 100, 1000);
    return { total: list.length, entries: list.slice(-limit).map(conversationView) };
  }),
  operation(
    `GET ${BASE}/:id`,
    'One conversation as the look-up shows it, without lag',
    z.strictObject({}),
    ({ genesys }, { params }) => {
      const conversation = genesys.conversations.get(params['id'] ?? '');
      if (!conversation) throw new NotThere(`There is no conversation ${params['id']}.`);
      return conversationView(conversation);
    },
  ),
  operation(
    `POST ${BASE}/:id/no-answer`,
    'An agent was alerted and did not answer; with a code or notes there was after-call work all the same',
    noAnswer,
    ({ genesys }, { params, body }) => genesys.conversations.noAnswer(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/end-leg`,
    'An agent leaves and begins after-call work',
    endLeg,
    ({ genesys }, { params, body }) => genesys.conversations.endLeg(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/finish-work`,
    'An agent finishes after-call work: user.end, wrapup and acw are sent; unknown conversations are started',
    finishWork,
    ({ genesys }, { params, body }) => genesys.conversations.finishWork(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/time-out-work`,
    'The timed after-call work runs out: ININ-WRAP-UP-TIMEOUT',
    finishWork.omit({ wrapupCode: true, wrapupName: true, wrapupNotes: true }),
    ({ genesys }, { params, body }) => genesys.conversations.timeOutWork(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/provisional-wrapup`,
    'An agent saves a wrap-up that is not final: no event',
    z.strictObject({ ...which, ...wrapup }),
    ({ genesys }, { params, body }) => genesys.conversations.saveProvisional(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/skip-work`,
    'An agent skips after-call work; with sendAcw an event tells (ININ-WRAP-UP-SKIPPED)',
    endLeg.extend({ sendAcw: z.boolean().optional() }),
    ({ genesys }, { params, body }) => genesys.conversations.skip(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/transfer`,
    'Hand over to a second agent',
    z.strictObject({ ...which, to: agent.optional(), disconnectType: z.string().optional() }),
    ({ genesys }, { params, body: { to, ...rest } }) =>
      genesys.conversations.transfer(params['id'] ?? '', { ...defined(rest), ...(to && { to: defined(to) }) }),
  ),
  operation(
    `POST ${BASE}/:id/reopen`,
    'Bring a conversation back to life under its id',
    agent,
    ({ genesys }, { params, body }) => genesys.conversations.reopen(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/attributes`,
    'Set participant data: attributes',
    z.strictObject({ values: z.record(z.string(), z.string()) }),
    ({ genesys }, { params, body }) => genesys.conversations.setAttributes(params['id'] ?? '', body.values),
  ),
  operation(
    `POST ${BASE}/:id/contact`,
    'Recognise the customer: contact',
    z.strictObject({ externalContactId: z.string().optional() }),
    ({ genesys }, { params, body }) => genesys.conversations.identify(params['id'] ?? '', body.externalContactId),
  ),
  operation(
    `POST ${BASE}/:id/flow-outcome`,
    'The flow comes to a result: flow.outcome',
    z.strictObject({ value: z.enum(['SUCCESS', 'FAILURE']).optional() }),
    ({ genesys }, { params, body }) => genesys.conversations.reachOutcome(params['id'] ?? '', body.value),
  ),
  operation(
    `POST ${BASE}/:id/voicemail`,
    'The customer leaves a message: voicemail.start, voicemail.end',
    z.strictObject({ lengthMs: z.number().min(0).optional() }),
    ({ genesys }, { params, body }) => genesys.conversations.leaveVoicemail(params['id'] ?? '', body.lengthMs),
  ),
  operation(
    `POST ${BASE}/:id/message`,
    'Add a chat message: MessageAdded on the direct stream',
    z.strictObject({ text: z.string().max(10_000), direction: z.enum(['INBOUND', 'OUTBOUND']).optional() }),
    ({ genesys }, { params, body }) => ({
      sentTo: genesys.conversations.addMessage(params['id'] ?? '', body),
    }),
  ),
  operation(
    `POST ${BASE}/:id/shape`,
    'Its look-ups are hard to read from now on: nulls in lists, wrong types, a size; {} ends it',
    z.strictObject({
      nulls: z.boolean().optional(),
      wrongTypes: z.boolean().optional(),
      paddingBytes: z.number().int().min(0).max(50_000_000).optional(),
      view: z.enum(['analytics', 'single']).optional(),
    }),
    ({ genesys }, { params, body }) => genesys.conversations.shape(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/lag`,
    'How far its look-ups are behind from now on; without a number as for all',
    z.strictObject({ analytics: z.number().min(0).optional(), single: z.number().min(0).optional() }),
    ({ genesys }, { params, body }) => genesys.conversations.lag(params['id'] ?? '', defined(body)),
  ),
  operation(
    `POST ${BASE}/:id/resend`,
    'Send the acw events of its finished work again',
    z.strictObject({}),
    ({ genesys }, { params }) => ({
      sentTo: genesys.conversations.resend(params['id'] ?? ''),
    }),
  ),
];
