import { readFile } from 'node:fs/promises';
import jsonata from 'jsonata';
import { asError } from '../common/errors.js';
import { ConfigError } from '../config/config-error.js';
import { MappingFailedError } from './history.errors.js';
import { SAMPLE_RECORD } from './record.js';
import type { HistoryRecord } from './record.js';

/** Evaluation happens on the event loop: an endless mapping must end before heartbeats and probes suffer. */
const TIMEOUT_MS = 1_000;
const MAX_DEPTH = 500;
const MAX_SEQUENCE = 10_000;

/** What jsonata throws: plain objects, not Errors, whose `message` may quote the record. */
interface JsonataFailure {
  code?: string;
  position?: number;
  message?: string;
}

/** Turns a record into the body that this installation of the history service wants. */
export interface Mapping {
  /** The body as JSON text. @param record as JSON text, as it is stored. @throws MappingFailedError */
  body(record: string): Promise<string>;
}

/** Without a mapping file the record itself is the body. */
export const PLAIN: Mapping = { body: async (record) => record };

/** Reads, compiles and tries the mapping in `file`. @throws ConfigError with the file, line and column. */
export async function loadMapping(file: string): Promise<Mapping> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unusable(file, `cannot be read: ${asError(error).message}`);
  });
  try {
    const mapping = compile(text);
    serialise(await mapping.evaluate(SAMPLE_RECORD));
    return { body: (record) => mapBody(mapping, JSON.parse(record) as HistoryRecord) };
  } catch (error) {
    const { message, position } = error as JsonataFailure;
    const where = position === undefined ? '' : ` at ${lineAndColumn(text, position)}`;
    const what = `does not work on a sample record${where}: ${message ?? String(error)}`;
    throw unusable(file, `${what}. It must be a JSONata expression that gives an object`);
  }
}

function unusable(file: string, allowed: string): ConfigError {
  return new ConfigError([{ variable: 'HISTORY_MAPPING_FILE', value: file, allowed }]);
}

function compile(text: string): jsonata.Expression {
  return jsonata(text, { timeout: TIMEOUT_MS, stack: MAX_DEPTH, sequence: MAX_SEQUENCE });
}

async function mapBody(mapping: jsonata.Expression, record: HistoryRecord): Promise<string> {
  try {
    return serialise(await mapping.evaluate(record));
  } catch (error) {
    if (error instanceof MappingFailedError) throw error;
    const { code, position } = error as JsonataFailure;
    const where = position === undefined ? '' : ` at character ${position}`;
    // Not jsonata's message: it may quote the record. Its code is looked up easily.
    throw new MappingFailedError(`The mapping failed${where} with JSONata error ${code ?? 'of no code'}.`, {
      cause: error,
    });
  }
}

function serialise(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const kind =
      body === undefined ? 'nothing' : Array.isArray(body) ? 'an array' : body === null ? 'null' : `a ${typeof body}`;
    throw new MappingFailedError(`The mapping gave ${kind} instead of an object.`);
  }
  return JSON.stringify(body);
}

function lineAndColumn(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
