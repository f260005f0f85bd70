/** Keeps the newest; 200,000 are enough for a benchmark's day and stay below some hundred MB. */
const KEEP = 200_000;
/** Cutting one by one would move the whole array each time. */
const SLACK = 20_000;

/** Appends to a plain array (tests read it as one) and cuts the oldest entries off. */
export function appendBounded<T>(log: T[], entry: T, keep = KEEP): void {
  log.push(entry);
  if (log.length > keep + SLACK) log.splice(0, log.length - keep);
}

/** Makes room in a map in the order of insertion. */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, keep = KEEP): void {
  map.set(key, value);
  if (map.size <= keep) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
