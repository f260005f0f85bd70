import { jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SchedulerRegistry } from '@nestjs/schedule';
import { firstValueFrom } from 'rxjs';
import type { Config } from '../config/config.js';
import { AssertionError, TokenRefusedError, TokenUnavailableError } from './auth.errors.js';
import { AuthModule } from './auth.module.js';
import { boot, counted } from './testing/boot.js';
import type { Booted } from './testing/boot.js';
import { ScriptedServer } from './testing/scripted-server.js';
import type { Reply } from './testing/scripted-server.js';
import { genesysSettings } from './testing/settings.js';
import { TokenService } from './token.service.js';
import { refreshDelayMs } from './token.state.js';

const SECRET = 's3cret+/=';

const granted = (token: string, expiresIn: unknown = 86_399): Reply => ({
  body: { access_token: token, token_type: 'bearer', expires_in: expiresIn },
});

describe('TokenService', () => {
  let login: ScriptedServer;
  let booted: Booted;
  let tokens: TokenService;

  async function start(more: Partial<Config['genesys']> = {}): Promise<void> {
    booted = await boot([AuthModule], genesysSettings({ loginUrl: login.url, ...more }));
    tokens = booted.module.get(TokenService);
  }

  const refusal = (): Promise<unknown> =>
    tokens.token().then(
      () => undefined,
      (error: unknown) => error,
    );
  const results = async (): Promise<number[]> =>
    Promise.all(['ok', 'refused', 'unavailable'].map((result) => counted(booted.metrics.tokenRefreshes, { result })));
  /** Only the monotonic clock: timers and sockets stay real. */
  const monotonic = performance.now.bind(performance);
  let moved = 0;
  const moveClock = (ms: number): void => {
    moved += ms;
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + moved);
  };

  beforeEach(async () => {
    moved = 0;
    login = await ScriptedServer.start();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await booted.module.close();
    await login.stop();
    const written = booted.logged();
    for (const secret of [SECRET, Buffer.from(`client-1:${SECRET}`).toString('base64'), 'hush-', 'PHNhbWw']) {
      expect(written).not.toContain(secret);
    }
  });

  describe('asking', () => {
    it('sends client credentials as the official clients do', async () => {
      await start({ loginUrl: `${login.url}/` });
      login.script = [granted('hush-1')];
      expect(await tokens.token()).toBe('hush-1');
      const [request] = login.seen;
      expect(request).toMatchObject({ method: 'POST', url: '/oauth/token', body: 'grant_type=client_credentials' });
      expect(request?.headers).toMatchObject({
        authorization: `Basic ${Buffer.from(`client-1:${SECRET}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      });
    });

    it('sends a SAML assertion form-encoded, after the organisation, and reads it anew for the next token', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'gateway-token-'));
      const file = join(folder, 'assertion');
      const grant = { kind: 'saml2-bearer' as const, orgName: 'acme & co', assertion: { kind: 'file' as const, file } };
      await start({ grant });
      login.script = [granted('hush-1'), granted('hush-2')];
      await writeFile(file, 'PHNhbWw+/w==');
      await tokens.token();
      await writeFile(file, '<saml/>');
      tokens.discard('hush-1');
      await tokens.token();
      const prefix =
        'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer&orgName=acme+%26+co&assertion=';
      expect(login.seen.map((request) => request.body)).toEqual([
        `${prefix}PHNhbWw%2B%2Fw%3D%3D`,
        `${prefix}${encodeURIComponent(Buffer.from('<saml/>').toString('base64'))}`,
      ]);
      await rm(folder, { recursive: true });
      tokens.discard('hush-2');
      expect(await refusal()).toBeInstanceOf(AssertionError);
      expect(tokens.state()).toMatchObject({ status: 'unavailable', lastError: { code: 'auth.assertion' } });
      expect(login.seen).toHaveLength(2);
    });

    it('asks once, however many need it', async () => {
      await start();
      login.script = [granted('hush-1')];
      const got = await Promise.all(Array.from({ length: 50 }, () => tokens.token()));
      expect(new Set(got)).toEqual(new Set(['hush-1']));
      expect(await tokens.token()).toBe('hush-1');
      expect(login.seen).toHaveLength(1);
      expect(await results()).toEqual([1, 0, 0]);
    });

    it('asks at boot, so that wrong credentials show before the first interaction', async () => {
      await start();
      const seen = new Promise<void>((resolve) => {
        login.otherwise = () => (resolve(), granted('hush-1'));
      });
      await booted.module.init();
      await seen;
      expect(await tokens.token()).toBe('hush-1');
      expect(login.seen).toHaveLength(1);
    });

    it.each([
      ['BEARER', { token_type: 'BEARER' }],
      ['no type and no life', { token_type: undefined, expires_in: undefined }],
      ['a life as text', { expires_in: '3600' }],
    ])('takes a token with %s', async (_what, fields) => {
      await start();
      const before = Date.now();
      login.script = [{ body: { access_token: 'hush-1', token_type: 'bearer', expires_in: 3_600, ...fields } }];
      expect(await tokens.token()).toBe('hush-1');
      const { status, expiresAt = 0 } = tokens.state();
      expect(status).toBe('valid');
      expect(expiresAt - before).toBeGreaterThanOrEqual(3_600_000);
      expect(expiresAt - before).toBeLessThan(3_605_000);
    });
  });

  describe('renewing', () => {
    it('asks again when the token has expired, and says that another one is there', async () => {
      await start();
      login.script = [granted('hush-1', 60), granted('hush-2', 60)];
      let renewals = 0;
      tokens.renewed$.subscribe(() => (renewals += 1));
      expect(await tokens.token()).toBe('hush-1');
      expect(renewals).toBe(0);
      moveClock(59_000);
      expect(await tokens.token()).toBe('hush-1');
      moveClock(2_000);
      expect(tokens.state().status).toBe('none');
      expect(await tokens.token()).toBe('hush-2');
      expect(renewals).toBe(1);
    });

    it.each([-3_600_000, 3_600_000])('keeps its token when the wall clock jumps by %i ms', async (step) => {
      await start();
      login.script = [granted('hush-1', 60), granted('hush-2', 60)];
      expect(await tokens.token()).toBe('hush-1');
      const now = Date.now();
      jest.spyOn(Date, 'now').mockReturnValue(now + step);
      expect(await tokens.token()).toBe('hush-1');
      moveClock(61_000);
      expect(await tokens.token()).toBe('hush-2');
    });

    it('refreshes ahead of the end, unprompted', async () => {
      await start();
      login.script = [granted('hush-1', 1), granted('hush-2')];
      const renewed = firstValueFrom(tokens.renewed$);
      await tokens.token();
      await renewed;
      expect(await tokens.token()).toBe('hush-2');
      expect(login.seen).toHaveLength(2);
    });

    it('refreshes a tenth of the life ahead, at most 5 minutes, with jitter', () => {
      expect([0, 1].map((random) => refreshDelayMs(1_000_000, () => random))).toEqual([900_000, 920_000]);
      expect([0, 1].map((random) => refreshDelayMs(86_400_000, () => random))).toEqual([86_100_000, 86_160_000]);
    });

    it('keeps serving a valid token when its renewal is refused, and says so', async () => {
      await start();
      login.script = [granted('hush-1'), { status: 401, body: { error: 'invalid_client' } }];
      await tokens.token();
      // What the timer runs, hours before it would.
      await expect((tokens as unknown as { refresh(): Promise<string> }).refresh()).rejects.toThrow(TokenRefusedError);
      expect(await tokens.token()).toBe('hush-1');
      expect(tokens.state()).toMatchObject({ status: 'valid', lastError: { code: 'auth.refused' } });
      expect(booted.module.get(SchedulerRegistry).getTimeouts()).toHaveLength(1);
    });

    it('forgets a rejected token once, and only the current one', async () => {
      await start();
      login.script = [granted('hush-1'), granted('hush-2')];
      let renewals = 0;
      tokens.renewed$.subscribe(() => (renewals += 1));
      await tokens.token();
      const again = await Promise.all(
        Array.from({ length: 20 }, () => {
          tokens.discard('hush-1');
          return tokens.token();
        }),
      );
      tokens.discard('hush-1');
      expect(new Set([...again, await tokens.token()])).toEqual(new Set(['hush-2']));
      expect(login.seen).toHaveLength(2);
      expect(renewals).toBe(1);
    });

    it('gives a separate token each time, and keeps the one that it has', async () => {
      await start();
      let count = 0;
      login.otherwise = () => granted(`hush-${(count += 1)}`);
      expect(await tokens.token()).toBe('hush-1');
      expect([await tokens.separateToken(), await tokens.separateToken()]).toEqual(['hush-2', 'hush-3']);
      expect(await tokens.token()).toBe('hush-1');
    });

    it('asks for no separate token so soon after a refusal', async () => {
      await start();
      login.otherwise = () => ({ status: 401, body: { error: 'invalid_client' } });
      await expect(tokens.separateToken()).rejects.toThrow(TokenRefusedError);
      await expect(tokens.separateToken()).rejects.toThrow(TokenRefusedError);
      expect(login.seen).toHaveLength(1);
      expect(await refusal()).toBeInstanceOf(TokenRefusedError);
    });

    it('slows down when each new token is rejected at once', async () => {
      await start();
      jest.spyOn(Math, 'random').mockReturnValue(0.2);
      let count = 0;
      login.otherwise = () => granted(`hush-${(count += 1)}`);
      for (let round = 0; round < 4; round += 1) tokens.discard(await tokens.token());
      const waits = login.seen.map(({ at }, index) => at - (login.seen[index - 1]?.at ?? at));
      // 0.2 · 1 s, then 0.2 · 2 s; the first rejection is not waited for.
      expect(waits[1]).toBeLessThan(150);
      expect(waits[2]).toBeGreaterThanOrEqual(190);
      expect(waits[3]).toBeGreaterThanOrEqual(390);
    });
  });

  describe('failing', () => {
    it.each([400, 401])('stops at refused credentials (%i) for a minute, then asks once more', async (status) => {
      await start();
      const body = { error: 'invalid_client', description: `bad secret ${SECRET}`, error_description: undefined };
      login.script = [{ status, body }, granted('hush-1')];
      const error = await refusal();
      expect(error).toBeInstanceOf(TokenRefusedError);
      const { message } = error as Error;
      expect(message).toContain(`(${status} invalid_client: bad secret [redacted])`);
      expect(message).toMatch(/Check GENESYS_ENVIRONMENT .*, GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET/);
      expect(message).not.toContain('SAML_');
      expect(tokens.state()).toMatchObject({ status: 'refused', lastError: { code: 'auth.refused', message } });
      moveClock(59_000);
      expect(await refusal()).toBe(error);
      expect(login.seen).toHaveLength(1);
      moveClock(2_000);
      expect(await tokens.token()).toBe('hush-1');
      expect(tokens.state()).not.toHaveProperty('lastError');
      expect(await results()).toEqual([1, 1, 0]);
    });

    it('names the SAML variables and an expired assertion beside a refusal', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'gateway-token-'));
      const file = join(folder, 'assertion');
      await writeFile(file, '<A><Conditions NotOnOrAfter="2020-01-01T00:00:00Z"/></A>');
      await start({ grant: { kind: 'saml2-bearer', orgName: 'acme', assertion: { kind: 'file', file } } });
      login.script = [{ status: 400, body: { error: 'invalid_grant' } }];
      const { message } = (await refusal()) as Error;
      expect(message).toContain(`GENESYS_ORG_NAME ("acme"), the assertion in GENESYS_SAML_ASSERTION_FILE (${file})`);
      expect(message).toContain('expired at 2020-01-01');
      await rm(folder, { recursive: true });
    });

    it.each<[string, Reply]>([
      ['503', { status: 503 }],
      ['500', { status: 500, body: '<html>' }],
      ['408', { status: 408 }],
      ['429 without Retry-After', { status: 429 }],
      ['a dropped connection', { drop: true }],
      ['silence', { by: () => undefined }],
    ])('asks again after %s', async (_what, reply) => {
      await start({ timeoutMs: 200 });
      jest.spyOn(Math, 'random').mockReturnValue(0);
      login.script = [reply, reply, reply, granted('hush-1')];
      expect(await tokens.token()).toBe('hush-1');
      expect(login.seen).toHaveLength(4);
      expect(await results()).toEqual([1, 0, 0]);
    });

    it('gives up after four tries', async () => {
      await start();
      jest.spyOn(Math, 'random').mockReturnValue(0);
      login.otherwise = () => ({ status: 502, body: { message: 'x' } });
      const error = await refusal();
      expect(error).toBeInstanceOf(TokenUnavailableError);
      expect(error).toMatchObject({ passing: true, retryAfterMs: undefined });
      expect(login.seen).toHaveLength(4);
      expect(tokens.state().status).toBe('unavailable');
      expect(await refusal()).toBe(error);
      expect(login.seen).toHaveLength(4);
      moveClock(1_001);
      login.otherwise = () => granted('hush-1');
      expect(await tokens.token()).toBe('hush-1');
      expect(await results()).toEqual([1, 0, 1]);
    });

    it('waits as long as Retry-After says', async () => {
      await start();
      login.script = [{ status: 429, headers: { 'Retry-After': '1' } }, granted('hush-1')];
      await tokens.token();
      const [first, second] = login.seen;
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
    });

    it('says a long Retry-After instead of sleeping through it, and asks nothing before it is over', async () => {
      await start();
      login.script = [{ status: 429, headers: { 'Retry-After': '3600' } }, granted('hush-1')];
      expect(await refusal()).toMatchObject({ code: 'auth.unavailable', retryAfterMs: 3_600_000 });
      moveClock(1_000_000);
      const { retryAfterMs } = (await refusal()) as TokenUnavailableError;
      expect(retryAfterMs).toBeLessThanOrEqual(2_600_000);
      expect(retryAfterMs).toBeGreaterThan(2_590_000);
      expect(login.seen).toHaveLength(1);
      moveClock(2_600_001);
      expect(await tokens.token()).toBe('hush-1');
    });

    it.each<[string, Reply, RegExp]>([
      ['a page', { body: '<html>hush-9</html>' }, /without a usable access_token/],
      ['a token with a line break', granted('hush-\r\nX: y'), /without a usable access_token/],
      ['a token of another type', { body: { access_token: 'hush-1', token_type: 'mac' } }, /type "mac"; only bearer/],
      ['a redirect', { status: 302, headers: { Location: '/elsewhere' } }, /answer 302 .*Check GENESYS_ENVIRONMENT/],
      ['404', { status: 404 }, /answer 404 .*Check GENESYS_ENVIRONMENT or GENESYS_LOGIN_URL/],
      ['more than 64 KiB', { body: 'x'.repeat(70_000) }, /answer larger than 65536 bytes/],
    ])('does not repeat what cannot help: %s', async (_what, reply, message) => {
      await start();
      login.script = [reply];
      const error = (await refusal()) as TokenUnavailableError;
      expect(error).toBeInstanceOf(TokenUnavailableError);
      expect(error.message).toMatch(message);
      expect(login.seen).toHaveLength(1);
    });

    it('keeps the request out of the error and its causes', async () => {
      await start({ loginUrl: 'http://127.0.0.1:1' });
      jest.spyOn(Math, 'random').mockReturnValue(0);
      const error = (await refusal()) as Error;
      expect(error.message).toContain('no connection to 127.0.0.1:1 (ECONNREFUSED)');
      for (let cause: unknown = error; cause; cause = (cause as Error).cause) {
        expect(cause).not.toHaveProperty('config');
        expect(JSON.stringify({ ...cause })).not.toMatch(/Basic|s3cret/);
      }
    });
  });

  describe('shutting down', () => {
    it('gives a running request up and leaves no timer behind', async () => {
      await start();
      const asked = new Promise<void>((resolve) => {
        login.script = [granted('hush-1'), { by: () => resolve() }];
      });
      await tokens.token();
      const scheduler = booted.module.get(SchedulerRegistry);
      expect(scheduler.getTimeouts()).toHaveLength(1);
      tokens.discard('hush-1');
      const waiting = refusal();
      await asked;
      await booted.module.close();
      expect(await waiting).toMatchObject({
        code: 'auth.unavailable',
        message: 'No token: the gateway is shutting down.',
      });
      expect(await refusal()).toMatchObject({ message: 'No token: the gateway is shutting down.' });
      expect(scheduler.getTimeouts()).toHaveLength(0);
      expect(login.seen).toHaveLength(2);
    });
  });
});
