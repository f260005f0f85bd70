/**
 * What must not be kept of an answer that echoes a URL: whoever has the path of a callback, or the token in the URI of a
 * channel, can use it. The values of the query as they are written and as they are read.
 */
export function secretsOfUrl({ pathname, search, searchParams }: URL): string[] {
  const path = pathname.length > 1 ? [pathname + search, pathname] : [];
  const written = search
    .slice(1)
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  return [...path, ...written, ...searchParams.values()];
}
