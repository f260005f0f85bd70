import { z } from 'zod';

// Never the secret itself in clear, for the file is read, copied and versioned by people.
const PLACE_OF_A_SECRET =
  'must be {"file": "/run/secrets/…"}, {"env": "NAME"}, or a text that `npm run encrypt` has sealed (enc:v1:…); ' +
  'a secret in clear is not taken';
const secret = z.union(
  [
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    z.string().startsWith('enc:v1:', { error: PLACE_OF_A_SECRET }),
  ],
  { error: PLACE_OF_A_SECRET },
);

/** Credentials go there, so that nothing but TLS will do; loopback is for a proxy beside the gateway. */
const credentialUrl = z.string().refine(isCredentialUrl, {
  error: 'must be an https URL without user info, query and fragment (http only to localhost, 127.0.0.1 or [::1])',
});

const httpUrl = z.string().refine((text) => urlOf(text) !== undefined, {
  error: 'must be an http or https URL without user info and fragment; authorization is the place for credentials',
});

const name = (what: string, pattern: RegExp): z.ZodString => z.string().regex(pattern, { error: `must be ${what}` });
const lifeS = z.number().int().min(0).max(2_419_200).default(86_400);

/** What all services have: where they are, and which certificates are trusted beside the system's. */
const place = { url: credentialUrl.optional(), caFile: z.string().min(1).optional() };

const apnsCommon = {
  ...place,
  topic: name('the app’s bundle id', /^[A-Za-z0-9.-]{1,255}$/),
  /** Seconds that Apple keeps a message for a phone that is off; 0: one try. */
  expireS: lifeS,
};

const APPLE_ID = /^[A-Z0-9]{10}$/;

const apnsToken = z.strictObject({
  ...apnsCommon,
  keyId: name('the key’s 10 letters and digits', APPLE_ID),
  teamId: name('the team’s 10 letters and digits', APPLE_ID),
  key: secret,
});

const apnsCertificate = z.strictObject({
  ...apnsCommon,
  certificate: secret,
  key: secret,
  passphrase: secret.optional(),
});

const fcm = z.strictObject({
  ...place,
  serviceAccount: secret,
  projectId: name('a Google Cloud project id', /^[a-z0-9:.-]{1,100}$/).optional(),
  tokenUrl: credentialUrl.optional(),
  /** Of the notification that the system shows, when neither the device nor the event names one. */
  title: z.string().max(1_000).optional(),
  body: z.string().max(1_000).optional(),
  expireS: lifeS,
});

const wns = z.strictObject({
  caFile: place.caFile,
  /** Package SID (`ms-app://s-1-15-2-…`) or, for Microsoft Entra, the application's id. */
  clientId: z.string().min(1).max(512),
  clientSecret: secret,
  tokenUrl: credentialUrl.default('https://login.live.com/accesstoken.srf'),
  scope: z.string().min(1).max(512).default('notify.windows.com'),
  channelHosts: z
    .array(name('a host, or *. and a domain', /^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/))
    .min(1)
    .default(['*.notify.windows.com']),
});

const callback = z.strictObject({ url: httpUrl, authorization: secret.optional() });

const section = z.strictObject({
  // Which of the two is told by `certificate`, so that problems are reported of the one that was meant.
  ios: z
    .looseObject({ certificate: z.unknown().optional() })
    .transform((given, context) => chosen(given, context))
    .optional(),
  fcm: fcm.optional(),
  wns: wns.optional(),
  customhttp: callback.optional(),
  orscb: callback.optional(),
});

const provider = z.strictObject({ production: section.optional(), debug: section.optional() });

/** PUSH_PROVIDERS_FILE: settings by the provider's name. */
export const providersFileSchema = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,128}$/, { error: 'is no name of a provider: 1 to 128 letters, digits, ., _ or -' }),
  provider,
);

export type GivenSecret = z.output<typeof secret>;
export type GivenProviders = z.output<typeof providersFileSchema>;
export type GivenSection = z.output<typeof section>;
export type GivenApns = z.output<typeof apnsToken> | z.output<typeof apnsCertificate>;
export type GivenFcm = z.output<typeof fcm>;
export type GivenWns = z.output<typeof wns>;
export type GivenCallback = z.output<typeof callback>;

/** A Google service account's key, of which the rest is not needed. */
export const serviceAccountSchema = z.looseObject({
  client_email: z.string().min(3),
  private_key: z.string().includes('PRIVATE KEY'),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: credentialUrl.default('https://oauth2.googleapis.com/token'),
});
export type ServiceAccount = z.output<typeof serviceAccountSchema>;

function chosen(given: { certificate?: unknown }, context: z.RefinementCtx): GivenApns {
  const schema: z.ZodType<GivenApns> = given.certificate === undefined ? apnsToken : apnsCertificate;
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
}

function urlOf(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.hash === '';
  return plain && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined;
}

function isCredentialUrl(text: string): boolean {
  const url = urlOf(text);
  if (url === undefined || url.search !== '') return false;
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}
