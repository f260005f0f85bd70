import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { PostgresServer } from '../helpers/postgres.js';
import type { DatabaseKind } from './scenario.js';
import type { Address } from './tcp-proxy.js';

/** A database of one scenario's own. */
export interface TestDatabase {
  kind: DatabaseKind;
  /** The server, for a proxy in front of it; undefined for SQLite. */
  address?: Address;
  /** As the gateway is told it; `port` replaces the server's. */
  url(port?: number): string;
  /** Folder of the SQLite file. */
  folder?: string;
  server?: PostgresServer;
  /** Runs a statement past all proxies (PostgreSQL only). */
  query<Row extends object>(statement: string, values?: unknown[]): Promise<Row[]>;
  remove(): Promise<void>;
}

let shared: Promise<PostgresServer> | undefined;

export async function stopSharedServer(): Promise<void> {
  const server = await shared;
  shared = undefined;
  await server?.stop();
}

/** @param ownServer for scenarios that stop or change the server. @param folder where the SQLite file goes. */
export async function makeDatabase(kind: DatabaseKind, { ownServer = false, folder = '' } = {}): Promise<TestDatabase> {
  if (kind === 'sqlite') return makeSqlite(folder);
  const server = ownServer ? await PostgresServer.start() : await (shared ??= PostgresServer.start());
  const url = new URL(await server.createDatabase());
  const address = { host: url.hostname, port: Number(url.port) };
  return {
    kind,
    address,
    server,
    url: (port = address.port) => {
      const through = new URL(url);
      through.port = String(port);
      return through.href;
    },
    query: async <Row extends object>(statement: string, values: unknown[] = []) => {
      // Read-only is one of the faults; who orders it must be able to end it.
      const client = new pg.Client({ connectionString: url.href, options: '-c default_transaction_read_only=off' });
      await client.connect();
      try {
        return (await client.query<Row>(statement, values)).rows;
      } finally {
        await client.end();
      }
    },
    remove: async () => {
      if (ownServer) await server.stop();
    },
  };
}

async function makeSqlite(given: string): Promise<TestDatabase> {
  const folder = given || (await mkdtemp(join(tmpdir(), 'gateway-faults-')));
  return {
    kind: 'sqlite',
    folder,
    url: () => `file:${join(folder, 'gateway.db')}`,
    query: () => Promise.reject(new Error('SQLite belongs to the gateway while it runs')),
    remove: async () => {
      if (!given) await rm(folder, { recursive: true, force: true });
    },
  };
}
