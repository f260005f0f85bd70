import { pino } from 'pino';
import { ProviderFiles } from '../../../test/helpers/provider-files.js';
import { ConfigError } from '../../config/config-error.js';
import { Logs } from '../../telemetry/logs.js';
import { Texts } from './texts.js';

const FILE = {
  en: { ready: 'Agent {0} is ready in {1} min', plain: 'Ready' },
  'pt-BR': { ready: '{1} min: {0}' },
  default: { ready: 'READY {0}', other: 'OTHER {0} {7}' },
};

describe('texts of LOCALIZESTRING messages', () => {
  const files = new ProviderFiles();
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const texts = Texts.load(files.put('texts.json', JSON.stringify(FILE)), log);
  const ready = '{"key":"ready","args":["Ann",5]}';

  afterAll(() => files.remove());

  it.each([
    [ready, 'localizestring', 'en', 'Agent Ann is ready in 5 min'],
    [ready, 'LOCALIZESTRING', 'EN_gb', 'Agent Ann is ready in 5 min'],
    [ready, 'LocalizeString', 'pt-br', '5 min: Ann'],
    [ready, 'localizestring', 'pt', 'READY Ann'],
    [ready, 'localizestring', 'fi', 'READY Ann'],
    ['plain', 'localizestring', 'en-GB-oed', 'Ready'],
    ['{"key":"plain"}', 'localizestring', 'en', 'Ready'],
    ['{"key":"other","args":["{0}$&"]}', 'localizestring', 'en', 'OTHER {0}$& {7}'],
  ])('%s as %s for %s: %s', (message, mediaType, language, text) => {
    expect(texts.resolve(message, mediaType, language)).toBe(text);
  });

  it.each([
    ['is no LOCALIZESTRING', ready, 'string', 'en'],
    ['has no media type', ready, undefined, 'en'],
    ['goes to a subscription without a language', ready, 'localizestring', undefined],
    ['goes to a subscription with an empty language', ready, 'localizestring', ''],
    ['has a key that is not there', '{"key":"nowhere"}', 'localizestring', 'en'],
    ['has another form', '{"key":1}', 'localizestring', 'en'],
    ['is broken JSON', '{"key":', 'localizestring', 'en'],
    ['names what every object has', 'constructor', 'localizestring', '__proto__'],
  ])('a message that %s stays as it is', (_, message, mediaType, language) => {
    expect(texts.resolve(message, mediaType, language)).toBe(message);
  });

  it('logs once per language that a text is missing, without the message', () => {
    lines.length = 0;
    for (let i = 0; i < 3; i++) texts.resolve(`secret ${String(i)}`, 'localizestring', 'de');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('secret');
  });

  it('without a file leaves all messages as they are', () => {
    expect(Texts.load(undefined, log).resolve('plain', 'localizestring', 'en')).toBe('plain');
  });

  it('a file of another form ends the boot with every problem', () => {
    const file = files.put('bad.json', JSON.stringify({ 'no language!': {}, en: { a: 1 }, de: [] }));
    const load = (): Texts => Texts.load(file, Logs.silent().of('push'));
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/no language!: is no language[\s\S]*en\.a: [\s\S]*de: /);
    expect(() => Texts.load(files.put('no.json', '{'), log)).toThrow(/PUSH_LOCALIZATION_FILE: .*is no JSON/);
  });
});
