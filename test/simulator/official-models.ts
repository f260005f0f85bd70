import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PACKAGE = 'purecloud-platform-client-v2';

/** The models of the official SDK, as its type declarations have them: fields and their types by the model's name. */
export class OfficialModels {
  private readonly models = new Map<string, ReadonlyMap<string, string>>();

  constructor() {
    const folder = dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`));
    const text = readFileSync(join(folder, 'index.d.ts'), 'utf8');
    for (const [, name, body] of text.matchAll(/^\texport interface (\w+) \{ ?\n([^]*?)^\t\}/gm)) {
      const fields = [...(body as string).matchAll(/^\t\t"(.+?)"\??: (.+);$/gm)];
      this.models.set(name as string, new Map(fields.map(([, field, type]) => [field as string, type as string])));
    }
  }

  get size(): number {
    return this.models.size;
  }

  /** What in `value` does not fit that type, e.g. `Models.Channel`: one line each, by its place. */
  misfits(value: unknown, type: string, place = type): string[] {
    if (value === null || value === undefined) return [];
    const list = /^Array<(.+)>$/.exec(type)?.[1];
    if (list !== undefined) {
      if (!Array.isArray(value)) return [`${place} is no list`];
      return value.flatMap((each, nth) => this.misfits(each, list, `${place}[${nth}]`));
    }
    const model = /^Models\.(\w+)$/.exec(type)?.[1];
    if (model !== undefined) return this.misfitsOf(value, model, place);
    const named = /^\{ ?\[key: string\]: (.+?);? ?\}$/.exec(type)?.[1];
    if (named !== undefined) {
      return Object.entries(value).flatMap(([key, each]) => this.misfits(each, named, `${place}.${key}`));
    }
    if (!['string', 'number', 'boolean'].includes(type)) return [];
    return typeof value === type ? [] : [`${place} is a ${typeof value}, not a ${type}`];
  }

  private misfitsOf(value: unknown, name: string, place: string): string[] {
    const fields = this.models.get(name);
    if (!fields) return [`${place}: there is no model ${name}`];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${place} is no object`];
    return Object.entries(value).flatMap(([field, each]) => {
      const type = fields.get(field);
      return type === undefined
        ? [`${place}.${field} is not in ${name}`]
        : this.misfits(each, type, `${place}.${field}`);
    });
  }
}
