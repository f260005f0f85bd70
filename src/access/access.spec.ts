import { Controller, Get, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { TEST_KEYS, testConfig } from '../config/testing/test-config.js';
import { ConfigModule } from '../config/config.module.js';
import { HTTP_OPTIONS, createHttpAdapter } from '../http/fastify-adapter.js';
import { HttpServerModule } from '../http/http-server.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { Public, Roles, RolesUnless } from './access.decorators.js';
import { AccessModule } from './access.module.js';
import { CurrentCaller } from './caller.js';
import type { Caller } from './caller.js';
import { Routes } from './routes.service.js';

@Roles('intake', 'admin')
@Controller('things')
class Things {
  @Get()
  list(@CurrentCaller() caller: Caller): Caller {
    return caller;
  }

  @Roles('admin')
  @Post('purge')
  purge(): string {
    return 'purged';
  }

  @Public()
  @Get('open')
  open(): string {
    return 'open';
  }

  @RolesUnless('metricsPublic', 'admin')
  @Get('metrics')
  metrics(): string {
    return 'metrics';
  }
}

@Controller('forgotten')
class Forgotten {
  @Get()
  read(): string {
    return 'should not be seen';
  }
}

async function start(
  env: Record<string, string> = {},
  controllers: (new () => unknown)[] = [Things],
): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({
    imports: [ConfigModule.forRoot(testConfig(env)), TelemetryModule, HttpServerModule, AccessModule],
    controllers,
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(), {
    ...HTTP_OPTIONS,
    logger: false,
  });
  return app.init();
}

describe('access', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await start();
  });
  afterAll(() => app.close());

  it('takes the key as a bearer token or as X-API-Key, and names the caller', async () => {
    const bearer = await app.inject({ url: '/things', headers: { authorization: `bearer ${TEST_KEYS.intake}` } });
    expect(bearer.json()).toEqual({ name: 'bofe', roles: ['intake'] });
    const header = await app.inject({ url: '/things', headers: { 'x-api-key': TEST_KEYS.all } });
    expect(header.json()).toEqual({ name: 'root', roles: ['intake', 'publish', 'admin'] });
  });

  it.each([
    ['no key', {}],
    ['an unknown key', { authorization: 'Bearer test-intake-key-0002' }],
    ['the beginning of a key', { authorization: 'Bearer test-intake-key-000' }],
    ['an empty key', { 'x-api-key': '' }],
    ['another scheme', { authorization: `Basic ${TEST_KEYS.intake}` }],
  ])('answers 401 to %s', async (_, headers) => {
    const answer = await app.inject({ url: '/things', headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.json()).toMatchObject({ statusCode: 401, error: 'Unauthorized', code: 'access.unauthenticated' });
    expect(answer.body).not.toContain('test-intake-key');
  });

  it('answers 403 to a key without the role, and names the role', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/things/purge',
      headers: { 'x-api-key': TEST_KEYS.intake },
    });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({
      code: 'access.forbidden',
      message: 'This needs the role admin; the key "bofe" has intake.',
    });
    const any = await app.inject({ url: '/things', headers: { 'x-api-key': TEST_KEYS.publish } });
    expect(any.json()).toMatchObject({ message: expect.stringContaining('one of the roles intake, admin') as string });
  });

  it('lets everybody into public routes', async () => {
    expect((await app.inject({ url: '/things/open' })).body).toBe('open');
    expect((await app.inject({ url: '/things/metrics' })).statusCode).toBe(401);
  });

  it('lists what each route declares', () => {
    expect(app.get(Routes).list()).toEqual([
      { method: 'GET', path: '/things', access: { kind: 'roles', roles: ['intake', 'admin'] } },
      { method: 'POST', path: '/things/purge', access: { kind: 'roles', roles: ['admin'] } },
      { method: 'GET', path: '/things/open', access: { kind: 'public' } },
      {
        method: 'GET',
        path: '/things/metrics',
        access: { kind: 'roles', roles: ['admin'], openedBy: 'metricsPublic' },
      },
    ]);
  });
});

describe('access settings', () => {
  it('METRICS_PUBLIC opens the metrics', async () => {
    const app = await start({ METRICS_PUBLIC: 'true' });
    expect((await app.inject({ url: '/things/metrics' })).body).toBe('metrics');
    expect((await app.inject({ url: '/things' })).statusCode).toBe(401);
    await app.close();
  });

  it('AUTH_MODE=none lets everybody do everything', async () => {
    const app = await start({ AUTH_MODE: 'none', API_KEYS: '' });
    expect((await app.inject({ method: 'POST', url: '/things/purge' })).body).toBe('purged');
    await app.close();
  });

  it('does not boot with a route that declares nothing', async () => {
    await expect(start({}, [Things, Forgotten])).rejects.toThrow('neither @Roles nor @Public: GET /forgotten');
  });
});
