// SPDX-License-Identifier: Apache-2.0
// Reads a series from where the user has it: an mbox, a folder of patches, or a range of commits.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { messageOf, UsageError } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { pathKind } from '../../util/path-kind.js';
import { type Input, type Series, seriesOf } from '../series.js';

/** Bytes of all files together, unpacked. */
const MAX_BYTES = 64 << 20;
const MAX_FILES = 4096;
const PATCH = /\.(patch|diff|mbox|mbx|eml)(\.gz)?$/;

/** An mbox, one mail, one patch, or a folder of such files, which are taken by name. */
export function readFiles(path: string): Series {
  const kind = pathKind(path);
  if (kind === null) throw new UsageError(`there is no ${path}`, { hint: 'for a range of commits: --git TREE A..B' });
  const paths = kind === 'folder' ? patchesIn(path) : [path];
  const inputs: Input[] = [];
  let left = MAX_BYTES;
  for (const each of paths) {
    const bytes = readOne(each, left);
    left -= bytes.length;
    inputs.push({ name: paths.length === 1 ? basename(path) : basename(each), bytes });
  }
  return seriesOf(inputs);
}

function patchesIn(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => PATCH.test(name))
    .sort((a, b) => (a < b ? -1 : 1));
  if (names.length === 0) throw new UsageError(`no patch in ${folder}`, { hint: 'the names end in .patch or .mbox' });
  if (names.length > MAX_FILES) throw new UsageError(`${folder} has ${names.length} patches; at most ${MAX_FILES}`);
  return names.map((name) => join(folder, name));
}

function readOne(path: string, maxBytes: number): string {
  try {
    const bytes = readRegularFileSync(path, { maxBytes });
    const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (packed ? gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }) : bytes).toString('latin1');
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
