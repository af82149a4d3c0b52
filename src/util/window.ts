// SPDX-License-Identifier: Apache-2.0

/**
 * Calls `work` on every item, in order, at most `limit` at once. After an error it starts nothing more, waits for what
 * is running, and rejects with the first error.
 */
export async function inWindow<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed: { error: unknown } | null = null;
  const worker = async () => {
    for (let next = iterator.next(); !next.done && failed === null; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failed !== null) throw (failed as { error: unknown }).error;
}
