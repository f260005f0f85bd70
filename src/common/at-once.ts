/**
 * Does `work` for each of the items, in their order, for at most `most` of them at once. The results stand in the order of
 * the items. Rejects with the first failure, when nothing that was begun is under way any more; nothing new begins after it.
 */
export async function atOnce<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const n = next++;
      try {
        results[n] = await work(items[n] as Item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (failures.length > 0) throw failures[0] as Error;
  return results;
}
