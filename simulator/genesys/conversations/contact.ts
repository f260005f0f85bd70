import { present } from '../../common/present.js';
import type { Media } from './media.js';

type Json = Record<string, unknown>;

/** The customer and what it is about, in the fields of the medium (docs/wire-facts.md §4.4). */
export interface Contact {
  /** Telephony: `tel:+…`. */
  ani?: string;
  dnis?: string;
  addressFrom?: string;
  addressTo?: string;
  subject?: string;
  /** In the events' spelling. */
  messageType?: string;
  callbackNumbers?: string[];
  callbackUserName?: string;
  /** Epoch ms. */
  callbackScheduledTime?: number;
  externalContactId?: string;
  externalOrganizationId?: string;
  utilizationLabel?: string;
}

/** What a customer of this medium is known by; what is named goes before. */
export function contactOf(media: Media, direction: string, named: Contact): Contact {
  return { ...usual(media, direction === 'OUTBOUND'), ...named };
}

function usual(media: Media, outbound: boolean): Contact {
  const between = (customer: string, centre: string): Contact =>
    outbound ? { addressFrom: centre, addressTo: customer } : { addressFrom: customer, addressTo: centre };
  switch (media.collection) {
    case 'emails':
      return { ...between('customer@example.com', 'support@example.org'), subject: 'My order has not come' };
    case 'messages':
      return { ...between('b6a1f0c2-5f1e-4b5d-9a35-7a2b3c4d5e6f', 'web-messenger'), messageType: 'WEBMESSAGING' };
    case 'callbacks':
      return { callbackNumbers: ['+358401234567'], callbackUserName: 'Kim Customer' };
    case 'chats':
    case 'internalMessages':
    case 'socialExpressions':
      return {};
    default:
      return { ani: 'tel:+358401234567', dnis: 'tel:+358912345678' };
  }
}

/** As events tell it. */
export function contactOfEvent(contact: Contact): Json {
  const { externalContactId, externalOrganizationId, ...facts } = contact;
  return {
    ...present(facts),
    conversationExternalContactIds: externalContactId === undefined ? [] : [externalContactId],
    conversationExternalOrganizationIds: externalOrganizationId === undefined ? [] : [externalOrganizationId],
  };
}

/** As a session of analytics tells it; the subject stands in its segments (docs/wire-facts.md §5.3). */
export function contactOfSession(contact: Contact): Json {
  const { ani, dnis, addressFrom, addressTo, messageType, callbackNumbers, callbackUserName } = contact;
  return present({
    ani,
    dnis,
    addressFrom,
    addressTo,
    messageType: messageType?.toLowerCase(),
    callbackNumbers,
    callbackUserName,
    callbackScheduledTime: isoOf(contact.callbackScheduledTime),
  });
}

/** As a communication of the single look-up tells it. Addresses of e-mails and numbers stand at the participants. */
export function contactOfCommunication(contact: Contact, media: Media): Json {
  const { addressFrom, addressTo, subject, messageType, callbackNumbers, callbackUserName } = contact;
  const isMessage = media.collection === 'messages';
  return present({
    subject,
    type: messageType?.toLowerCase(),
    fromAddress: isMessage ? addressOf(addressFrom) : undefined,
    toAddress: isMessage ? addressOf(addressTo) : undefined,
    callbackNumbers,
    callbackUserName,
    callbackScheduledTime: isoOf(contact.callbackScheduledTime),
  });
}

/** The official model `Address`. */
function addressOf(address: string | undefined): Json | undefined {
  return address === undefined ? undefined : { addressRaw: address, addressNormalized: address };
}

function isoOf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
