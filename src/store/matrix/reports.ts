// SPDX-License-Identifier: Apache-2.0
// Which reports were written from a results folder, and where to: what a report links to is kept when old runs are
// pruned.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asList, asRecord, asText } from '../../util/unknown.js';
import { writeWhole } from '../write-whole.js';

const FOLDER = '.reports';

/**
 * Written down when a report is: `folders` are names under results/. Another report in the same place takes its place.
 */
export function noteReport(results: string, report: string, folders: readonly string[]): void {
  const dir = join(resolve(results), FOLDER);
  const path = resolve(report);
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  writeWhole(join(dir, `${name}.json`), `${JSON.stringify({ report: path, folders })}\n`);
}

/** Names under results/ that a report which is still there links to. Notes of reports that are gone are taken away. */
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
