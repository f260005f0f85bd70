import type {
  AnalyticsConversation,
  AnalyticsSession,
  Conversation,
  ConversationCommunication,
  ConversationParticipant,
} from '../genesys/conversation-answers.js';
import { type AfterCallWork, directionOf } from './after-call-work.js';
import { callbackFacts, listOf, mediaFacts } from './media-facts.js';

/** What is told of the customer, and of what the customer wants. */
type Side = 'ani' | 'dnis' | 'media' | 'callback' | 'externalContactIds' | 'externalOrganizationIds';
export type CustomerSide = { [Key in Side]: AfterCallWork[Key] | undefined };

/** The lists of communications that a participant may have. */
export type CommunicationList = {
  [Key in keyof ConversationParticipant]-?: ConversationParticipant[Key] extends ConversationParticipant['calls']
    ? Key
    : never;
}[keyof ConversationParticipant];

/** Who may be at the other end, the likelier first. */
const PURPOSES = ['customer', 'external'];

/** As analytics tells it of one agent's session: by the customer's sessions of the same medium, else by the agent's own. */
export function customerOfSession(conversation: AnalyticsConversation, session: AnalyticsSession): CustomerSide {
  const customers = customersOf(conversation.participants);
  const medium = session.mediaType?.toLowerCase();
  const sides = customers
    .flatMap((customer) => entriesOf(customer.sessions))
    .filter((side) => side.mediaType?.toLowerCase() === medium);
  const sidesFirst = [...sides, session];
  const ownFirst = [session, ...sides];
  return {
    ani: firstOf(sidesFirst, (side) => side.ani),
    dnis: firstOf(sidesFirst, (side) => side.dnis),
    media: mediaFacts({
      type: session.mediaType,
      provider: session.provider,
      messageType: firstOf(ownFirst, (side) => side.messageType),
      addressFrom: firstOf(sidesFirst, (side) => side.addressFrom),
      addressTo: firstOf(sidesFirst, (side) => side.addressTo),
      subject: firstOf(
        ownFirst.flatMap((side) => entriesOf(side.segments)),
        (segment) => segment.subject,
      ),
    }),
    callback: callbackOf(ownFirst),
    ...externalsOf(customers),
  };
}

/**
 * As the single look-up tells it of one agent's communication of this list. The numbers are never the agent's: those are
 * addresses of the station (docs/wire-facts.md §5.1).
 */
export function customerOfCommunication(
  conversation: Conversation,
  communication: ConversationCommunication,
  list: CommunicationList,
  mediaType: string,
): CustomerSide {
  const customers = customersOf(conversation.participants);
  const there = customers.filter((customer) => entriesOf(customer[list]).length > 0);
  const sides = there.flatMap((customer) => entriesOf(customer[list]));
  const sidesFirst = [...sides, communication];
  const ownFirst = [communication, ...sides];
  const mailbox = list === 'emails' ? firstOf(there, (customer) => customer.address) : undefined;
  const direction = directionOf(communication.direction ?? undefined);
  return {
    ani: firstOf(there, (customer) => customer.ani),
    dnis: firstOf(there, (customer) => customer.dnis),
    media: mediaFacts({
      type: mediaType,
      provider: communication.provider,
      messageType: list === 'messages' ? firstOf(ownFirst, (side) => side.type) : undefined,
      addressFrom:
        firstOf(sidesFirst, (side) => addressOf(side.fromAddress)) ?? (direction === 'INBOUND' ? mailbox : undefined),
      addressTo:
        firstOf(sidesFirst, (side) => addressOf(side.toAddress)) ?? (direction === 'OUTBOUND' ? mailbox : undefined),
      subject: firstOf(ownFirst, (side) => side.subject),
    }),
    callback: callbackOf(ownFirst),
    ...externalsOf(customers),
  };
}

/** The customers of a conversation, then its external parties. */
function customersOf<Participant extends { purpose?: string | null | undefined }>(
  participants: readonly (Participant | null)[] | null | undefined,
): Participant[] {
  const there = entriesOf(participants);
  return PURPOSES.flatMap((purpose) => there.filter((participant) => participant.purpose?.toLowerCase() === purpose));
}

function callbackOf(sides: readonly (AnalyticsSession | ConversationCommunication)[]): CustomerSide['callback'] {
  return callbackFacts(
    firstOf(sides, (side) => side.callbackNumbers),
    firstOf(sides, (side) => side.callbackUserName),
    firstOf(sides, (side) => side.callbackScheduledTime),
  );
}

function externalsOf(
  customers: readonly Partial<Record<'externalContactId' | 'externalOrganizationId', string | null | undefined>>[],
): Pick<CustomerSide, 'externalContactIds' | 'externalOrganizationIds'> {
  return {
    externalContactIds: listOf(customers.map((customer) => customer.externalContactId)),
    externalOrganizationIds: listOf(customers.map((customer) => customer.externalOrganizationId)),
  };
}

function addressOf(address: ConversationCommunication['fromAddress']): string | undefined {
  return address?.addressNormalized ?? address?.addressRaw ?? undefined;
}

/** The first that has a value. */
function firstOf<Entry, Value>(
  entries: readonly Entry[],
  read: (entry: Entry) => Value | null | undefined,
): Value | undefined {
  for (const entry of entries) {
    const value = read(entry);
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}

function entriesOf<Entry>(entries: readonly (Entry | null)[] | null | undefined): Entry[] {
  return (entries ?? []).filter((entry) => entry !== null);
}
