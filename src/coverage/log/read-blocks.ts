// SPDX-License-Identifier: Apache-2.0
// For those that have a log of one kernel alone: which of its instructions ran.
import type { AddressRange, CodeAddress } from '../../model/result/coverage.js';
import { contains } from './coverage-log.js';
import { TranslationReader } from './translations.js';

/**
 * Reads a log of `qemu -d in_asm`.
 * @returns addresses of the instructions that ran in `ranges`, which are in order
 */
export async function readBlocks(
  log: AsyncIterable<Buffer> | Iterable<Buffer>,
  ranges: readonly AddressRange[],
): Promise<Set<CodeAddress>> {
  const ran = new Set<CodeAddress>();
  const reader = new TranslationReader(({ instructions }) => {
    for (const address of instructions) if (contains(ranges, address)) ran.add(address);
  });
  for await (const chunk of log) reader.feed(chunk);
  reader.end();
  return ran;
}
