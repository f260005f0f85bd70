/** Names of one level: what is below a name, or `true` for all of it. */
type Paths = Map<string, Paths | true>;

/** Which fields of an event a follower gets; `exclude` wins over `include`, as in the streaming tutorial. */
export class FieldSelection {
  private readonly include: Paths | true;
  private readonly exclude: Paths;

  /** @param include dotted paths; `*` stands for all. A path goes through lists: `participants.id` is the id of each. */
  constructor(include: readonly string[], exclude: readonly string[]) {
    this.include = include.length === 0 || include.includes('*') ? true : pathsOf(include);
    this.exclude = pathsOf(exclude.filter((path) => path !== '*'));
    if (exclude.includes('*')) this.include = new Map();
  }

  /** The chosen fields; `fields` stays as it is. */
  of(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const chosen = pick(fields, this.include);
    return omit(chosen, this.exclude) as Record<string, unknown>;
  }
}

function pathsOf(paths: readonly string[]): Paths {
  const root: Paths = new Map();
  for (const path of paths) {
    const names = path.split('.');
    let here = root;
    for (const [depth, name] of names.entries()) {
      const known = here.get(name);
      if (known === true) break;
      if (depth === names.length - 1) here.set(name, true);
      else here = known ?? below(here, name);
    }
  }
  return root;
}

function below(paths: Paths, name: string): Paths {
  const level: Paths = new Map();
  paths.set(name, level);
  return level;
}

/** What the paths name; undefined where they name something inside a value that has no inside. */
function pick(value: unknown, paths: Paths | true): unknown {
  if (paths === true) return value;
  if (Array.isArray(value)) return value.map((each) => pick(each, paths));
  if (!isObject(value)) return undefined;
  const chosen = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    const wanted = paths.get(name);
    const picked = wanted === undefined ? undefined : pick(inner, wanted);
    return picked === undefined ? [] : [[name, picked]];
  });
  return Object.fromEntries(chosen);
}

function omit(value: unknown, paths: Paths): unknown {
  if (paths.size === 0) return value;
  if (Array.isArray(value)) return value.map((each) => omit(each, paths));
  if (!isObject(value)) return value;
  const left = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    const unwanted = paths.get(name);
    if (unwanted === true) return [];
    return [[name, unwanted === undefined ? inner : omit(inner, unwanted)]];
  });
  return Object.fromEntries(left);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
