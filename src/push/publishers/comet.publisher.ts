import { Injectable } from '@nestjs/common';
import { CometSessions } from '../comet/comet-sessions.service.js';
import { problemOfUser } from '../comet/gms-user.js';
import { isOwnTag } from '../subscriptions/own-events-right.js';
import { PushDeviceError } from '../push.errors.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

/** Pushes to the CometD sessions of a user on this instance. `deviceId` is the `gms_user`. */
@Injectable()
export class CometPublisher implements Publisher {
  readonly types = ['comet'] as const;

  constructor(private readonly sessions: CometSessions) {}

  /** @throws PushDeviceError */
  check({ deviceId }: Device): void {
    const problem = problemOfUser(deviceId);
    if (problem === undefined) return;
    throw new PushDeviceError('gms_user', `${problem}; the header gms_user names the user that comet pushes go to.`);
  }

  destinationOf({ deviceId }: Device): string {
    return cometDestination(deviceId);
  }

  async publish({ id, tag, text }: PushMessage, { deviceId }: Device, signal: AbortSignal): Promise<PushOutcome> {
    const hearers = isOwnTag(tag) ? 'own-events' : 'all';
    const given = await this.sessions.send(deviceId, { id, tag, message: contentOf(text) }, signal, hearers);
    if (given) return { kind: 'sent', status: 200 };
    return {
      kind: 'retry',
      code: 'push.comet-not-received',
      message: 'no CometD session of the user took the message',
    };
  }
}

/** The destination of a comet user's deliveries, which are claimed where the user is connected. */
export function cometDestination(user: string): string {
  return `comet:${user}`;
}

/**
 * Where deliveries of an event with this tag go. The gateway's own events have a destination for themselves at a comet user:
 * not every session of the user hears them, and they are claimed where one that does is connected.
 */
export function destinationOfTag(destination: string, tag: string): string {
  return destination.startsWith(cometDestination('')) && isOwnTag(tag) ? `own-events:${destination}` : destination;
}

/**
 * A JSON object or list travels as such and everything else as text: so do Genesys Mobile Services' own pushes
 * (`{"channel":"/_genesys","data":{"message":{…},"id":"…","tag":"…"}}`), and its clients read an object there.
 */
function contentOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // Text that only begins like JSON.
    return text;
  }
}
