import { chmod, copyFile, mkdtemp, open, rm } from 'node:fs/promises';
import { constants, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StorageTarget } from '../src/config/config.js';
import type { Addresses, World } from './load/world.js';
import { GatewayProcess } from './processes/gateway.js';
import { PostgresProcess } from './processes/postgres.js';
import { Worker } from './processes/worker.js';
import { seed, type Contents } from './seed/seed.js';

export interface Options {
  /** How much of the full sizes is done: 1, or less for a short run. */
  scale: number;
  /** How often each side runs, in turns. */
  rounds: number;
  /** Folder for databases; a temporary one when absent. */
  folder?: string;
}

export type DatabaseKind = StorageTarget['kind'];

/** A seeded database of this run's own. */
export interface Copy {
  url: string;
  /** SQLite's file. */
  file: string;
}

/** Everything that a scenario plays with; what it started is ended after it. */
export class Stage {
  readonly #folder: string;
  readonly #templates = new Map<string, Promise<string>>();
  readonly #running: { end: () => Promise<void> }[] = [];
  #postgres: Promise<PostgresProcess> | undefined;
  #files = 0;

  private constructor(
    readonly options: Options,
    folder: string,
  ) {
    this.#folder = folder;
  }

  static async open(options: Options): Promise<Stage> {
    const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'gateway-bench-'));
    // Also when we are interrupted: a gigabyte of rows must not stay behind.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    // PostgreSQL runs as a user of its own.
    await chmod(folder, 0o711);
    return new Stage(options, folder);
  }

  /** A size, scaled; at least `least`. */
  size(full: number, least = 1): number {
    return Math.max(least, Math.round(full * this.options.scale));
  }

  /** A load generator, ready. */
  async world(): Promise<{ world: Worker<World>; addresses: Addresses }> {
    const world = this.worker<World>('load/world');
    return { world, addresses: await world.call('start') };
  }

  worker<C extends World | Record<string, (argument: never) => unknown>>(file: string): Worker<C> {
    const worker = Worker.start<C>(file);
    this.#running.push(worker);
    return worker;
  }

  async gateway(addresses: Addresses, database: Copy, settings: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.start(addresses, database.url, settings);
    this.#running.push(gateway);
    return gateway;
  }

  /** A database with these contents that nobody has used yet. */
  async database(kind: DatabaseKind, contents: Contents): Promise<Copy> {
    const template = await this.#template(kind, contents);
    if (kind === 'postgres') {
      return { url: await (await this.postgres()).createDatabase(template), file: '' };
    }
    const file = join(this.#folder, `copy-${++this.#files}.db`);
    await copyFile(template, file, constants.COPYFILE_FICLONE);
    await sync(file);
    return { url: `file:${file}`, file };
  }

  /** A file name that nobody uses. */
  file(): string {
    return join(this.#folder, `file-${++this.#files}.db`);
  }

  postgres(): Promise<PostgresProcess> {
    this.#postgres ??= PostgresProcess.start(this.#folder);
    return this.#postgres;
  }

  /** Ends what the round that is over has started. */
  async clear(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((each) => each.end()));
  }

  async close(): Promise<void> {
    await this.clear();
    await (await this.#postgres)?.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #template(kind: DatabaseKind, contents: Contents): Promise<string> {
    const { waiting, undelivered, delivered } = contents;
    const name = [kind, waiting, undelivered, delivered].join('-');
    const known = this.#templates.get(name) ?? this.#makeTemplate(kind, contents, name);
    this.#templates.set(name, known);
    return known;
  }

  async #makeTemplate(kind: DatabaseKind, contents: Contents, name: string): Promise<string> {
    if (kind === 'postgres') {
      const url = await (await this.postgres()).createDatabase();
      await seed({ kind, url, poolSize: 2 }, contents);
      return url;
    }
    const file = join(this.#folder, `${name}.db`);
    await seed({ kind, file }, contents);
    return file;
  }
}

/** What a copy left in memory goes to disk now and not in the middle of a measurement. */
async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
