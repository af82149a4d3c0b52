// SPDX-License-Identifier: Apache-2.0
// Makes a finding smaller: leaves out ever smaller parts while it stays a finding.

/** Inputs that may be tried. */
const MAX_TRIES = 600;
const MAX_MS = 20_000;

export async function minimise(input: Buffer, still: (smaller: Buffer) => Promise<boolean>): Promise<Buffer> {
  let best = input;
  let tries = 0;
  const until = performance.now() + MAX_MS;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length;) {
      if (++tries > MAX_TRIES || performance.now() > until) return best;
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await still(smaller)) best = smaller;
      else at += size;
    }
  }
  return best;
}
