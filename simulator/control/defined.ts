/** The type of an object whose `undefined` fields are left out; arrays of objects too. */
export type Defined<T> = T extends readonly (infer Item)[]
  ? Defined<Item>[]
  : T extends object
    ? { [Name in keyof T]: Defined<Exclude<T[Name], undefined>> }
    : T;

/** Says what JSON guarantees and zod's types do not: an absent field is absent, never `undefined`. */
export function defined<T extends object>(body: T): Defined<T> {
  return body as Defined<T>;
}
