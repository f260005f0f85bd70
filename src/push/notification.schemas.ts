import { z } from 'zod';
import { PUSH_TYPES } from '../config/push-variables.js';
import { storableText } from '../http/schemas.js';

/** Provider of those that name none. */
export const DEFAULT_PROVIDER = 'default';

/** The original's smallest: option `defaultSubscriptionExpiration` takes "any integer (>=30)". */
const MIN_EXPIRE_S = 30;
const MAX_EXPIRE_S = 365 * 24 * 60 * 60;
const MAX_PROPERTIES = 64;
/** The largest push payload (WNS, 5,000 bytes) leaves no room for more. */
const MAX_PROPERTY = 4_096;

const propertyValue = z.union([storableText(MAX_PROPERTY), z.number(), z.boolean()], {
  error: `must be a string of at most ${MAX_PROPERTY} characters, a number or a boolean`,
});

const properties = z
  .record(storableText(128, 1), propertyValue)
  .refine((map) => Object.keys(map).length <= MAX_PROPERTIES, `must have at most ${MAX_PROPERTIES} keys`)
  .meta({
    maxProperties: MAX_PROPERTIES,
    description: 'What the push type needs besides, e.g. apple.badge; `debug` may stand here or beside.',
  });

const debug = z
  .union([z.boolean(), storableText(16)], { error: 'must be true, false, "debug" or another short string' })
  .meta({ description: 'true or "debug": by the provider\'s debug settings.' });

const type = z.enum(PUSH_TYPES);
const deviceId = storableText(2_048, 1);
const providerName = storableText(128, 1);

/** A header's value: what would end it is refused. */
const authorization = storableText(4_096, 1).refine((text) => !/[\r\n]/.test(text), 'must not contain line breaks');

/** Body of `POST …/subscription`. */
export const subscriptionSchema = z
  .strictObject({
    subscriberId: storableText(256, 1),
    authorization: authorization.optional(),
    expire: z.int().min(MIN_EXPIRE_S).max(MAX_EXPIRE_S).optional().meta({ description: 'Seconds.' }),
    filter: z.string(),
    providerName: providerName.optional(),
    language: storableText(35, 1).optional(),
    notificationDetails: z.strictObject({
      type,
      deviceId: deviceId.optional(),
      properties: properties.optional(),
      debug: debug.optional(),
    }),
  })
  .meta({
    example: {
      subscriberId: 'crm',
      filter: 'orders.*',
      expire: 86_400,
      notificationDetails: { type: 'httpcb', deviceId: 'https://crm.example/events' },
    },
  });
export type SubscriptionRequest = z.infer<typeof subscriptionSchema>;

const mediaType = z
  .string()
  .regex(/^(?:string|localizestring)$/i, 'must be string or localizestring')
  .transform((text) => text.toLowerCase());

/** Body of `POST …/publish`. A message is any text, U+0000 too: it is stored as JSON. */
export const publicationSchema = z
  .strictObject({
    tag: z.string(),
    message: z.string().optional(),
    mediaType: mediaType.optional().meta({ description: 'string or localizestring, in any case.' }),
    providerName: providerName.optional(),
    notificationDetails: z
      .strictObject({
        type,
        deviceId: deviceId.optional(),
        devideId: deviceId.optional().meta({ description: "The original document's spelling of deviceId." }),
        properties: properties.optional(),
        debug: debug.optional(),
      })
      .refine((one) => one.deviceId === undefined || one.devideId === undefined, {
        path: ['devideId'],
        message: 'is deviceId under its other name; give one of them',
      })
      .optional(),
  })
  .meta({ example: { tag: 'orders.created', message: '{"orderId":"A-77"}' } });
export type PublicationRequest = z.infer<typeof publicationSchema>;
