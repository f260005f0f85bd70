/** The same thing in three spellings: event, conversation REST, analytics (docs/wire-facts.md §5.3). */
const spellings: readonly [event: string, rest: string, analytics: string][] = [
  ['ENDPOINT', 'endpoint', 'endpoint'],
  ['CLIENT', 'client', 'client'],
  ['SYSTEM', 'system', 'system'],
  ['TIMEOUT', 'timeout', 'timeout'],
  ['TRANSFER', 'transfer', 'transfer'],
  ['TRANSFER_CONFERENCE', 'transfer.conference', 'conferenceTransfer'],
  ['TRANSFER_CONSULT', 'transfer.consult', 'consultTransfer'],
  ['TRANSFER_FORWARD', 'transfer.forward', 'forwardTransfer'],
  ['TRANSFER_NOANSWER', 'transfer.noanswer', 'noAnswerTransfer'],
  ['TRANSFER_NOTAVAILABLE', 'transfer.notavailable', 'notAvailableTransfer'],
  ['TRANSPORT_FAILURE', 'transport.failure', 'transportFailure'],
  ['ERROR', 'error', 'error'],
  ['PEER', 'peer', 'peer'],
  ['OTHER', 'other', 'other'],
  ['SPAM', 'spam', 'spam'],
  ['UNCALLABLE', 'uncallable', 'uncallable'],
];

/** REST spelling of an event's disconnectType; unknown ones in lower case. */
export function restDisconnectType(event: string): string {
  return spellings.find(([name]) => name === event)?.[1] ?? event.toLowerCase();
}

/** Analytics spelling of an event's disconnectType; unknown ones in lower case. */
export function analyticsDisconnectType(event: string): string {
  return spellings.find(([name]) => name === event)?.[2] ?? event.toLowerCase();
}
