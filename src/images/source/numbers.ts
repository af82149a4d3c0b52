// SPDX-License-Identifier: Apache-2.0
// Versions that are numbers leave no string in an image; the headers of the handover's format define them.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefines, versionsFromDefines } from '../../compat/index.js';
import type { Component } from '../../model/kernel/component.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';

const ABI_HEADERS = 'include/linux/kho/abi';
/** Bytes; the tree may be a stranger's. */
const MAX_HEADER = 1 << 20;

/** The versions that the headers of a source tree define. */
export function numbersIn(tree: string): Component[] {
  const folder = join(tree, ABI_HEADERS);
  if (!existsSync(folder)) return [];
  const defines = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isFile() && entry.name.endsWith('.h'))
      collectDefines(readRegularFileSync(join(folder, entry.name), { maxBytes: MAX_HEADER }).toString('utf8'), defines);
  return versionsFromDefines(defines).components;
}
