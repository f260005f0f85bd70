import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { asError } from '../../common/errors.js';
import { ConfigError } from '../../config/config-error.js';

/** Hundreds of languages, thousands of apps: far more is another file. */
const MAX_CHARS = 16 * 1024 * 1024;

export interface FileProblem {
  path: string;
  message: string;
}

/**
 * A JSON file that a variable names, checked.
 * @throws ConfigError with every problem and its path in the file, and nothing of its content
 */
export function readSettingsFile<T>(variable: string, file: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(readJson(variable, file));
  if (result.success) return result.data;
  throw fileError(
    variable,
    result.error.issues.map((issue) => ({ path: issue.path.join('.') || file, message: messageOf(issue) })),
  );
}

export function fileError(variable: string, problems: readonly FileProblem[]): ConfigError {
  return new ConfigError(problems.map(({ path, message }) => ({ variable, allowed: `${path}: ${message}` })));
}

function readJson(variable: string, file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > MAX_CHARS) throw new Error(`it has more than ${String(MAX_CHARS)} characters`);
    return JSON.parse(text);
  } catch (error) {
    throw fileError(variable, [
      { path: file, message: `is no JSON that can be read: ${withoutExcerpt(asError(error))}` },
    ]);
  }
}

/** Of a bad name zod says in the issue itself only that it is bad. */
function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

/** V8 quotes a piece of the text around the mistake, which may be a secret that somebody has put there. */
function withoutExcerpt(error: Error): string {
  if (!(error instanceof SyntaxError)) return error.message;
  return /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0] ?? 'it is not JSON';
}
