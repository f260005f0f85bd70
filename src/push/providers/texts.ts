import { z } from 'zod';
import type { Log } from '../../telemetry/logs.js';
import { readSettingsFile } from './settings-file.js';

const VARIABLE = 'PUSH_LOCALIZATION_FILE';

/** Language of last resort in the file. */
const DEFAULT_LANGUAGE = 'default';
/** Languages without a text that are logged, once each: subscribers name them, and their number is theirs. */
const MAX_LOGGED = 1_000;

const LANGUAGE = /^(?:default|[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*)$/;
const fileSchema = z.record(
  z.string().regex(LANGUAGE, { error: 'is no language: de, en-GB, …, or default' }),
  z.record(z.string(), z.string()),
);
const referenceSchema = z.strictObject({
  key: z.string(),
  args: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
});

/** `string` or `localizestring`, in any case: `mediaType` of an event. */
export type MediaType = string | undefined;

/**
 * The texts of LOCALIZESTRING messages. PUSH_LOCALIZATION_FILE is JSON: texts by key by language, `{0}` to `{99}` standing
 * for the message's arguments. The message names a key, alone or as `{"key": "…", "args": […]}`.
 */
export class Texts {
  private readonly logged = new Set<string>();

  private constructor(
    private readonly languages: ReadonlyMap<string, ReadonlyMap<string, string>>,
    private readonly log: Log,
  ) {}

  /** @throws ConfigError with every problem of the file */
  static load(file: string | undefined, log: Log): Texts {
    const given = file === undefined ? {} : readSettingsFile(VARIABLE, file, fileSchema);
    const languages = new Map<string, ReadonlyMap<string, string>>();
    for (const [language, texts] of Object.entries(given)) {
      languages.set(normal(language), new Map(Object.entries(texts)));
    }
    return new Texts(languages, log);
  }

  /**
   * The text that a subscriber gets. It is the message as it is, when the message is no LOCALIZESTRING, when the subscription
   * names no language, or when there is no such text in the language, its base language (`en` for `en-GB`) or `default`.
   */
  resolve(message: string, mediaType: MediaType, language: string | undefined): string {
    if (mediaType?.toLowerCase() !== 'localizestring' || language === undefined || language === '') return message;
    const { key, args } = referenceOf(message);
    const text = this.textOf(key, normal(language));
    if (text === undefined) {
      this.miss(language);
      return message;
    }
    return text.replace(/\{(\d{1,2})\}/g, (whole, index: string) => args[Number(index)] ?? whole);
  }

  private textOf(key: string, language: string): string | undefined {
    const parts = language.split('-');
    for (let length = parts.length; length > 0; length--) {
      const text = this.languages.get(parts.slice(0, length).join('-'))?.get(key);
      if (text !== undefined) return text;
    }
    return this.languages.get(DEFAULT_LANGUAGE)?.get(key);
  }

  /** Without the key: publishers put whole messages there. */
  private miss(language: string): void {
    if (this.logged.size >= MAX_LOGGED || this.logged.has(language)) return;
    this.logged.add(language);
    this.log.warn(
      { language },
      'PUSH_LOCALIZATION_FILE has no text for a message of this language; it is sent as it is',
    );
  }
}

function referenceOf(message: string): { key: string; args: string[] } {
  const parsed = message.trimStart().startsWith('{') ? referenceSchema.safeParse(jsonOf(message)) : undefined;
  if (parsed?.success !== true) return { key: message, args: [] };
  return { key: parsed.data.key, args: (parsed.data.args ?? []).map(String) };
}

/** Languages are compared without case, and with `-` between their parts (RFC 5646; Java writes `_`). */
function normal(language: string): string {
  return language.toLowerCase().replaceAll('_', '-');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A key that begins with a brace: the caller takes the message for the key.
    return undefined;
  }
}
