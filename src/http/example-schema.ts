/** A schema with the answer that it was made from. */
export interface ExampleSchema<T> {
  type: 'object';
  required: string[];
  properties: Record<string, object>;
  example: T;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/**
 * The schema of answers of which `example` is one: types, ids and times as the example has them. As the example has the type
 * of what is answered, the compiler notices when the two differ.
 *
 * @param about.optional fields of the example that may be absent
 * @param about.fields what a value does not tell: limits, descriptions, `nullable`; and fields that the example lacks, which
 *   are optional
 */
export function schemaOf<T extends object>(
  example: T,
  { optional = [], fields = {} }: { optional?: readonly (keyof T)[]; fields?: { [Name in keyof T]?: object } } = {},
): ExampleSchema<T> {
  const own = Object.entries(example).map(([name, value]): [string, object] => [name, valueSchema(value)]);
  const properties: Record<string, object> = Object.fromEntries(own);
  for (const [name, more] of Object.entries<object | undefined>(fields)) {
    properties[name] = { ...properties[name], ...more };
  }
  const required = Object.keys(example).filter((name) => !(optional as readonly string[]).includes(name));
  return { type: 'object', required, properties, example };
}

/** The schema of one page of a list. */
export function pageOf<T>(item: ExampleSchema<T>, nextCursor?: string): ExampleSchema<{ items: T[] }> {
  const items = { type: 'array', items: item };
  return {
    type: 'object',
    required: ['items'],
    properties: {
      items,
      ...(nextCursor === undefined
        ? {}
        : { nextCursor: { type: 'string', example: nextCursor, description: 'Absent on the last page.' } }),
    },
    example: { items: [item.example], ...(nextCursor === undefined ? {} : { nextCursor }) },
  };
}

function valueSchema(value: unknown): object {
  if (Array.isArray(value)) return { type: 'array', items: valueSchema(value[0]) };
  if (typeof value === 'object' && value !== null) return schemaOf(value);
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'integer' : 'number', example: value };
  if (typeof value === 'boolean') return { type: 'boolean', example: value };
  if (typeof value !== 'string') return {};
  if (UUID.test(value)) return { type: 'string', format: 'uuid', example: value };
  return { type: 'string', ...(TIME.test(value) ? { format: 'date-time' } : {}), example: value };
}
