// SPDX-License-Identifier: Apache-2.0
// Are the runs in a folder of results whole, and are their verdicts right?
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../../model/result/result.js';
import { readResult } from '../../store/run/run-folder.js';
import { messageOf } from '../../util/errors.js';

/** Files that every whole run has. */
const FILES = ['result.json', 'scenario.yaml', 'events.jsonl', 'console.log', 'qemu.txt'];

export interface Found {
  /** Whole runs with the right verdict, by the name of their folder. */
  right: Map<string, Result>;
  problems: string[];
}

/** Reads all runs that have appeared under their name; folders of matrices are left out. */
export function verdictsIn(results: string): Found {
  const right = new Map<string, Result>();
  const problems: string[] = [];
  const names = existsSync(results) ? readdirSync(results) : [];
  for (const name of names) {
    const folder = join(results, name);
    if (name.startsWith('.') || existsSync(join(folder, 'matrix.json'))) continue;
    const missing = FILES.filter((file) => !existsSync(join(folder, file)));
    if (missing.length > 0) {
      problems.push(`${name} lacks ${missing.join(', ')}`);
      continue;
    }
    try {
      const result = readResult(folder);
      if (result.asExpected) right.set(name, result);
      else problems.push(`${name} is ${result.outcome}: ${result.cause?.title}: ${result.cause?.detail.slice(0, 300)}`);
    } catch (error) {
      problems.push(`${name} cannot be read: ${messageOf(error).slice(0, 200)}`);
    }
  }
  return { right, problems };
}
