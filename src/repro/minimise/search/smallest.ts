// SPDX-License-Identifier: Apache-2.0
// The smallest number that still fails, by bisection with several trials at once. What fails need not be monotone: the
// answer did fail, but a smaller one that was not tried might fail too.

/**
 * @param size the numbers are 0 to `size - 1`, of which the last one is known to fail
 * @param first tries numbers in order and returns the index of the first that fails, or null
 * @param jobs trials at once
 */
export async function smallest(
  size: number,
  first: (numbers: readonly number[]) => Promise<number | null>,
  jobs: number,
): Promise<number> {
  let low = -1;
  let high = size - 1;
  while (high - low > 1) {
    const probes = spread(low, high, Math.max(1, jobs));
    // Most numbers do not matter.
    const numbers = low === -1 ? [...new Set([0, ...probes])] : probes;
    const found = await first(numbers);
    if (found === null) low = numbers.at(-1) as number;
    else {
      high = numbers[found] as number;
      low = numbers[found - 1] ?? low;
    }
  }
  return high < size - 1 ? high : await multiple(size, first);
}

/** What is full at 51 entries is full again at 102. So where nothing smaller fails, equal parts of the number may. */
async function multiple(size: number, first: (numbers: readonly number[]) => Promise<number | null>): Promise<number> {
  const numbers = [4, 3, 2].filter((parts) => size % parts === 0 && size > parts).map((parts) => size / parts - 1);
  const found = numbers.length === 0 ? null : await first(numbers);
  return found === null ? size - 1 : (numbers[found] as number);
}

/** Numbers strictly between two others, evenly spread. */
function spread(low: number, high: number, wanted: number): number[] {
  const inside = high - low - 1;
  const parts = Math.min(wanted, inside) + 1;
  return Array.from({ length: parts - 1 }, (_, n) => low + Math.ceil(((n + 1) * (high - low)) / parts)).filter(
    (number) => number < high,
  );
}
