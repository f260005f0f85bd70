import type { FastifyInstance } from 'fastify';

interface Entry {
  method: string;
  url: string;
  pattern: RegExp;
}

/** Remembers every registered route, so that a wrong method can be told from a wrong path. */
export class RouteTable {
  private readonly entries: Entry[] = [];

  /** Must be called before the first route is registered. */
  watch(instance: FastifyInstance): void {
    instance.addHook('onRoute', ({ method, url }) => {
      const pattern = patternOf(url);
      for (const one of [method].flat()) this.entries.push({ method: one.toUpperCase(), url, pattern });
    });
  }

  /** Every route, as `GET /things/:id`. */
  list(): string[] {
    return this.entries.map(({ method, url }) => `${method} ${url}`);
  }

  /** The methods that this path answers to; empty when there is no such path. */
  methodsOf(path: string): string[] {
    const methods = this.entries.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)].sort();
  }
}

/** `/a/:id/b` and `/a/*` as regular expressions; the other syntax of the router is not used here. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[A-Za-z0-9_]+/g, '[^/]+')
    .replace(/\*/g, '.*');
  return new RegExp(`^${source}$`);
}
