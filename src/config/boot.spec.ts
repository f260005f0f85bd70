import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { parse } from 'dotenv';
import { loadConfig } from './boot.js';
import { CONFIG } from './config.js';
import type { Config } from './config.js';
import { ConfigModule } from './config.module.js';
import { renderConfigurationPage, renderEnvExample } from './environment-docs.js';
import { VARIABLES, VARIABLE_GROUPS } from './variables.js';

const ENV = {
  API_KEYS: 'bofe:intake:bofe-key-0123456789',
  GENESYS_CLIENT_ID: 'client',
  GENESYS_CLIENT_SECRET: 'secret',
  GENESYS_GRANT: 'client-credentials',
  HISTORY_URL: 'https://history.example.com/records',
};

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-boot-'));
  const envFile = join(folder, '.env');

  beforeAll(() => {
    writeFileSync(envFile, 'PORT=4001\nHOST=127.0.0.1\n');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('reads .env in development, under the variables of the process', () => {
    expect(loadConfig({ ...ENV, PORT: '4002' }, envFile).config.server).toMatchObject({
      host: '127.0.0.1',
      port: 4002,
    });
  });

  it('does not read it in production, nor miss it when it is not there', () => {
    expect(loadConfig({ ...ENV, NODE_ENV: 'production' }, envFile).config.server.port).toBe(3000);
    expect(loadConfig(ENV, join(folder, 'none')).config.server.port).toBe(3000);
  });

  it('warns of names that nobody reads, and offers the one that was meant', () => {
    const odd = {
      HISTORY_TIMEOUT: '5',
      GENESYS_COLOUR: 'red',
      EVENT_BUFER_MAX: '7',
      CHANNEL_MAX_COUMT: '3',
      HISTORY_SERVICE_HOST: '10.0.0.1',
      HISTORY_PORT_80_TCP: 'x',
      HISTROY_URL: 'x',
      GENESSYS_CLIENT_ID: 'x',
      PATH: 'x',
      HOME: 'x',
      HOSTNAME: 'x',
      KUBERNETES_SERVICE_HOST: 'x',
      npm_config_cache: 'x',
      NODE_OPTIONS: 'x',
      LC_ALL: 'x',
      SSH_AUTH_SOCK: 'x',
      GENESYS_GATEWAY_SERVICE_PORT_HTTP: '80',
      GENESYS_GATEWAY_PORT_3000_TCP_ADDR: '10.0.0.1',
    };
    expect(loadConfig({ ...ENV, ...odd }, envFile).warnings).toEqual([
      'CHANNEL_MAX_COUMT is set, but no variable has this name; is CHANNEL_MAX_COUNT meant?',
      'EVENT_BUFER_MAX is set, but no variable has this name; is EVENT_BUFFER_MAX meant?',
      'GENESSYS_CLIENT_ID is set, but no variable has this name; is GENESYS_CLIENT_ID meant?',
      'GENESYS_COLOUR is set, but no variable has this name',
      'HISTORY_TIMEOUT is set, but no variable has this name; is HISTORY_TIMEOUT_MS meant?',
      'HISTROY_URL is set, but no variable has this name; is HISTORY_URL meant?',
    ]);
  });

  it('warns of weak keys and of secrets in clear text, without showing them', () => {
    const { warnings } = loadConfig(
      { ...ENV, API_KEYS: 'bofe:intake:short', GENESYS_LOGIN_URL: 'http://proxy.example' },
      envFile,
    );
    expect(warnings).toEqual([
      'API_KEYS: the key of "bofe" has 5 characters; use 16 or more, so that it cannot be guessed',
      'GENESYS_LOGIN_URL is http://, so the client secret travels in clear text',
    ]);
  });

  it.each(['0.0.0.0', '10.0.0.7', '::'])('warns of AUTH_MODE=none on %s, where others can reach it', (HOST) => {
    const open = { ...ENV, API_KEYS: '', AUTH_MODE: 'none' };
    expect(loadConfig({ ...open, HOST }, envFile).warnings).toEqual([
      `AUTH_MODE is none and HOST is ${HOST}: whoever reaches this address may do everything and sees all customers' data; set API_KEYS, or HOST=127.0.0.1`,
    ]);
    expect(loadConfig({ ...open, HOST: '127.0.0.1' }, envFile).warnings).toEqual([]);
    expect(loadConfig({ ...open, HOST: '::1' }, envFile).warnings).toEqual([]);
  });
});

describe('ConfigModule', () => {
  it('makes the configuration injectable in every module', async () => {
    @Injectable()
    class Reader {
      constructor(
        @Inject(CONFIG) readonly config: Config,
        readonly service: ConfigService,
      ) {}
    }
    const { config } = loadConfig(ENV, '/none');
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(config)],
      providers: [Reader],
    }).compile();
    expect(module.get(Reader).config).toBe(config);
    expect(module.get(Reader).service.get('server.port')).toBe(3000);
    await module.close();
  });
});

describe('what people read about the environment', () => {
  it('.env.example and docs/configuration.md are as `npm run docs:config` writes them', () => {
    expect(readFileSync('.env.example', 'utf8')).toBe(renderEnvExample());
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(renderConfigurationPage());
  });

  it('.env.example as it is lacks nothing but the files that it names', () => {
    expect(() => loadConfig(parse(renderEnvExample()), '/none')).toThrow(
      /^GENESYS_SAML_ASSERTION_FILE="[^"]+": [^\n]+$/,
    );
  });

  it('.env.example names every variable, and each example is one that is accepted', () => {
    const uncommented = renderEnvExample().replace(/^# (?=[A-Z_]+=)/gm, '');
    const examples = parse(uncommented);
    expect(Object.keys(examples).sort()).toEqual(Object.keys(VARIABLES).sort());
    for (const [name, variable] of VARIABLE_GROUPS.flatMap(({ variables }) => Object.entries(variables))) {
      expect({ name, accepted: variable.schema.safeParse(examples[name]).success }).toEqual({ name, accepted: true });
    }
  });
});
