/**
 * What must not be kept of an answer that echoes a URL: whoever has the path of a callback, or the token in the URI of a
 * channel, can use it.
 */
export function secretsOfUrl(url: URL): string[] {
  const { pathname, search } = url;
  const path = pathname.length > 1 ? [pathname + search, pathname] : [];
  return [...path, ...secretsOfQuery(url)];
}

/** The same where the path is none: the values of the query as they are read, and as they are written, without a name too. */
export function secretsOfQuery({ search, searchParams }: URL): string[] {
  const written = search
    .slice(1)
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  return [...written, ...searchParams.values()];
}
