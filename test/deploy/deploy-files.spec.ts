import { existsSync, readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { parseEnvironment } from '../../src/config/environment.js';
import { VARIABLES } from '../../src/config/variables.js';
import { parseCommandLine } from '../../simulator/command-line.js';

interface ComposeService {
  environment?: Record<string, string>;
  command?: string[];
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, ComposeService>;
};

describe('docker-compose.yml', () => {
  it.each(['gateway', 'gateway-postgres'])('gives %s an environment with which it boots', (name) => {
    const environment = compose.services[name]?.environment ?? {};
    expect(Object.keys(VARIABLES)).toEqual(expect.arrayContaining(Object.keys(environment)));
    expect(parseEnvironment(environment).storage.kind).toBe(name === 'gateway' ? 'sqlite' : 'postgres');
  });

  it('starts the simulator with a command line that it understands, at the ports that the gateway uses', () => {
    const [node, program, ...args] = compose.services.simulator?.command ?? [];
    expect([node, program]).toEqual(['node', 'dist/simulator/main.js']);
    const { simulator } = parseCommandLine(args);
    const {
      GENESYS_LOGIN_URL: login = '',
      GENESYS_API_URL: api = '',
      HISTORY_URL: history = '',
    } = compose.services.gateway?.environment ?? {};
    const ports = [login, api, history].map((url) => Number(new URL(url).port));
    expect(ports).toEqual([simulator.ports?.login, simulator.ports?.api, simulator.ports?.history]);
  });
});

describe('deploy/kubernetes.yaml', () => {
  interface Manifest {
    kind: string;
    data?: Record<string, string>;
    spec?: {
      template: {
        metadata: { annotations: Record<string, string> };
        spec: { terminationGracePeriodSeconds: number; containers: Container[] };
      };
    };
  }
  interface Container {
    env: { name: string; value?: string; valueFrom?: { secretKeyRef?: { key: string; optional?: boolean } } }[];
    lifecycle: { preStop: { sleep: { seconds: number } } };
  }
  const manifests = parseAllDocuments(readFileSync('deploy/kubernetes.yaml', 'utf8')).map(
    (document) => document.toJS() as Manifest,
  );
  const of = (kind: string): Manifest | undefined => manifests.find((manifest) => manifest.kind === kind);
  const pod = of('Deployment')?.spec?.template.spec;
  const container = pod?.containers[0];

  it('uses variables that exist, and no secret in the clear', () => {
    const plain = Object.keys(of('ConfigMap')?.data ?? {});
    const fromSecrets = (container?.env ?? []).map(({ name }) => name);
    expect(fromSecrets.length).toBeGreaterThan(0);
    expect(Object.keys(VARIABLES)).toEqual(expect.arrayContaining([...plain, ...fromSecrets]));
    for (const { value, valueFrom } of container?.env ?? []) {
      expect(value).toBeUndefined();
      expect(valueFrom?.secretKeyRef?.key).toBeDefined();
    }
    for (const name of plain) expect(VARIABLES[name as keyof typeof VARIABLES].secret).not.toBe(true);
  });

  it('asks for no secret that the gateway boots without', () => {
    const demanded = (container?.env ?? []).filter(({ valueFrom }) => valueFrom?.secretKeyRef?.optional !== true);
    // A second replica needs PostgreSQL.
    expect(demanded.map(({ name }) => name).sort()).toEqual(['API_KEYS', 'DATABASE_URL', 'GENESYS_CLIENT_SECRET']);
  });

  it('lets /metrics be scraped as its annotations say: they send no key', () => {
    expect(of('Deployment')?.spec?.template.metadata.annotations).toMatchObject({ 'prometheus.io/scrape': 'true' });
    expect(of('ConfigMap')?.data).toMatchObject({ METRICS_PUBLIC: 'true' });
  });

  it('gives the shutdown its time', () => {
    const grace = Number(of('ConfigMap')?.data?.SHUTDOWN_GRACE_S);
    const before = container?.lifecycle.preStop.sleep.seconds ?? 0;
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(grace + before + 2);
  });
});

describe('Dockerfile', () => {
  it('copies what there is, through .dockerignore', () => {
    const ignore = readFileSync('.dockerignore', 'utf8').split('\n');
    const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, sources = '']) => sources.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    for (const source of copied) {
      expect({ source, there: existsSync(source) }).toEqual({ source, there: true });
      expect(ignore).toContain(`!${source}`);
    }
  });
});
