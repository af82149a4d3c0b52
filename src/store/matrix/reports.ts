// SPDX-License-Identifier: Apache-2.0
// Records which reports were written from a results folder, and where, so that pruning keeps the runs that they link
// to.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { writeWhole } from '../write-whole.js';

const FOLDER = '.reports';
const noteSchema = z.object({ report: z.string(), folders: z.array(z.string()) });

/** Records a report. `folders` are names under results/. A later report at the same path replaces the record. */
export function noteReport(results: string, report: string, folders: readonly string[]): void {
  const dir = join(resolve(results), FOLDER);
  const path = resolve(report);
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  writeWhole(join(dir, `${name}.json`), `${JSON.stringify({ report: path, folders })}\n`);
}

/** Names under results/ that an existing report links to. Records of deleted reports are removed. */
export function linkedByReports(results: string): Set<string> {
  const dir = join(resolve(results), FOLDER);
  const linked = new Set<string>();
  if (!existsSync(dir)) return linked;
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.json'))) {
    const note = readJson(join(dir, file), noteSchema);
    if (note === null) continue;
    if (existsSync(note.report)) for (const name of note.folders) linked.add(name);
    else rmSync(join(dir, file), { force: true });
  }
  return linked;
}
