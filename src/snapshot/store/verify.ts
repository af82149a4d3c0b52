// SPDX-License-Identifier: Apache-2.0
// Checks a ladder's files before they are used. Their content is hashed once in each boot of the host, and whenever a
// file's stamp differs from that of the last check: a power failure can lose content and keep the stamp.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { replaceFile } from '../../util/replace-file.js';
import { digestOf, stampAt } from '../digest.js';
import type { SavedFile } from '../manifest.js';

const CHECKED_FILE = 'checked.json';
const checkedSchema = z.object({ boot: z.string(), stamps: z.record(z.string(), z.string()) });
type Checked = z.infer<typeof checkedSchema>;

/** Returns what is wrong with the files; null if all are as they were saved. Throws when `signal` is aborted. */
export async function problemOf(
  dir: string,
  files: readonly SavedFile[],
  signal?: AbortSignal,
): Promise<string | null> {
  const boot = bootOfHost();
  const before = readJson(join(dir, CHECKED_FILE), checkedSchema);
  const known = boot !== null && before?.boot === boot ? before.stamps : {};
  const stamps: Record<string, string> = { ...known };
  for (const { file, digest, bytes } of files) {
    try {
      const path = join(dir, file);
      if (known[file] !== undefined && known[file] === (await stampAt(path))) continue;
      const found = await digestOf(path, signal);
      if (found.bytes !== bytes) return `${file} has ${found.bytes} bytes instead of ${bytes}`;
      if (found.digest !== digest) return `the content of ${file} was changed`;
      stamps[file] = found.stamp;
    } catch (error) {
      signal?.throwIfAborted();
      return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  if (files.some(({ file }) => stamps[file] !== known[file])) remember(dir, stamps);
  return null;
}

/** Stores that the files were checked when they had these stamps. */
export function remember(dir: string, stamps: Readonly<Record<string, string>>): void {
  const boot = bootOfHost();
  if (boot === null) return;
  const checked: Checked = { boot, stamps };
  try {
    replaceFile(join(dir, CHECKED_FILE), `${JSON.stringify(checked)}\n`);
  } catch {
    // The next run checks again.
  }
}

function bootOfHost(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
