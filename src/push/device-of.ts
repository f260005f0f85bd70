import { RequestInvalidError } from '../http/request.errors.js';
import { DEFAULT_PROVIDER, type PublicationRequest, type SubscriptionRequest } from './notification.schemas.js';
import type { Device } from './publishers/publisher.js';

/** `notificationDetails` of a subscription or of an event. */
type Details = SubscriptionRequest['notificationDetails'] | NonNullable<PublicationRequest['notificationDetails']>;

export interface DeviceExtras {
  providerName?: string | undefined;
  authorization?: string | undefined;
  /** The `gms_user` header. */
  gmsUser?: string | undefined;
}

/** The device of a subscription: for comet it is the `gms_user`, whatever `deviceId` says. @throws RequestInvalidError */
export function subscribedDevice(details: Details, extras: DeviceExtras): Device {
  return deviceOf(details, details.type === 'comet' ? requiredUser(extras.gmsUser) : requiredId(idOf(details)), extras);
}

/**
 * The device that an event names: for comet the publisher may name the user as `deviceId`, since the `gms_user` of the
 * request is the publisher's own. @throws RequestInvalidError
 */
export function namedDevice(details: Details, extras: DeviceExtras): Device {
  const id = idOf(details);
  return deviceOf(details, details.type === 'comet' ? (id ?? requiredUser(extras.gmsUser)) : requiredId(id), extras);
}

function deviceOf(details: Details, deviceId: string, { providerName, authorization }: DeviceExtras): Device {
  const { debug: inProperties, ...properties } = details.properties ?? {};
  return {
    type: details.type,
    deviceId,
    properties,
    debug: isDebug(details.debug) || isDebug(inProperties),
    providerName: providerName ?? DEFAULT_PROVIDER,
    ...(authorization === undefined ? {} : { authorization }),
  };
}

/** "The subscription will be sent to debug channel if ${debug} value is debug or true." */
function isDebug(value: unknown): boolean {
  return value === true || value === 'true' || value === 'debug';
}

function idOf(details: Details): string | undefined {
  return details.deviceId ?? ('devideId' in details ? details.devideId : undefined);
}

function requiredId(id: string | undefined): string {
  if (id !== undefined) return id;
  throw new RequestInvalidError([{ field: 'notificationDetails.deviceId', message: 'is required' }]);
}

function requiredUser(user: string | undefined): string {
  if (user !== undefined) return user;
  throw new RequestInvalidError([
    { field: 'gms_user', message: 'is required for comet: a header that names the user' },
  ]);
}
