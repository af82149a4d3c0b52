// SPDX-License-Identifier: Apache-2.0
// Records which reports were written from a results folder, and where, so that pruning keeps the runs that they link
// to.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asList, asRecord, asText } from '../../util/unknown.js';
import { writeWhole } from '../write-whole.js';

const FOLDER = '.reports';

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
    let note: Record<string, unknown>;
    try {
      note = asRecord(JSON.parse(readFileSync(join(dir, file), 'utf8')));
    } catch {
      continue;
    }
    if (existsSync(asText(note['report']))) for (const name of asList(note['folders'])) linked.add(asText(name));
    else rmSync(join(dir, file), { force: true });
  }
  return linked;
}
