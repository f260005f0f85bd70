import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** A column's type as both databases know it. */
export type JsonRowType = 'text' | 'bigint';

/**
 * Many rows as one parameter, to be used as a table: `from ${jsonRows(…)} as v`. The statement's text is then the same
 * for any number of rows, so it stays prepared, and SQLite's limit of 32,766 variables is out of reach.
 */
export function jsonRows<R extends object>(
  kind: 'sqlite' | 'postgres',
  rows: readonly R[],
  columns: Record<keyof R & string, JsonRowType>,
): RawBuilder<R> {
  const json = JSON.stringify(rows);
  const names = Object.entries<JsonRowType>(columns);
  if (kind === 'postgres') {
    const typed = sql.join(names.map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`));
    // The order of the array is the order of insertion.
    return sql`(select ${sql.join(names.map(([name]) => sql.ref(name)))} from json_to_recordset(${json}::json) as r(${typed}))`;
  }
  const selected = names.map(([name]) => sql`value ->> ${sql.lit(`$.${name}`)} as ${sql.ref(name)}`);
  return sql`(select ${sql.join(selected)} from json_each(${json}))`;
}

/** Many values as one parameter: `where id in ${jsonList(…)}`. */
export function jsonList(kind: 'sqlite' | 'postgres', values: readonly string[]): RawBuilder<string> {
  const json = JSON.stringify(values);
  return kind === 'postgres'
    ? sql`(select json_array_elements_text(${json}::json))`
    : sql`(select value from json_each(${json}))`;
}

/** `column` is one of `values`, as one parameter. PostgreSQL plans an array better than a query that it cannot look into. */
export function oneOf(kind: 'sqlite' | 'postgres', column: string, values: readonly string[]): RawBuilder<boolean> {
  return kind === 'postgres'
    ? sql<boolean>`${sql.ref(column)} = any(${values}::text[])`
    : sql<boolean>`${sql.ref(column)} in ${jsonList(kind, values)}`;
}

/** The same of numbers. */
export function oneOfNumbers(
  kind: 'sqlite' | 'postgres',
  column: string,
  values: readonly number[],
): RawBuilder<boolean> {
  return kind === 'postgres'
    ? sql<boolean>`${sql.ref(column)} = any(${values}::bigint[])`
    : sql<boolean>`${sql.ref(column)} in (select value from json_each(${JSON.stringify(values)}))`;
}

/**
 * Rows that are joined with a list of their ids. For SQLite the join is enough. PostgreSQL knows neither how few they are nor
 * how many were claimed since its last vacuum.
 */
export function named(kind: 'sqlite' | 'postgres', rows: readonly { v_id: string }[]): RawBuilder<boolean> {
  if (kind === 'sqlite') return sql<boolean>`true`;
  return oneOf(
    kind,
    'id',
    rows.map(({ v_id }) => v_id),
  );
}

/**
 * A column that is compared but must not be what the rows are found by. The databases guess how many rows have a status,
 * and guess that nearly none wait: they would walk through all that wait rather than look up the few that are named.
 */
export function justCompared(column: string): RawBuilder<string> {
  return sql<string>`coalesce(${sql.ref(column)}, '')`;
}
