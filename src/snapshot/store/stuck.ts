// SPDX-License-Identifier: Apache-2.0
// A mark in the folder of a ladder that has no rung of the next kernel, because the run that was to save them did not
// get there. Without it each run that wants such a rung would try again, with a whole run that boots. It goes with its
// ladder: another kernel has another ladder.
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { replaceFile } from '../../util/replace-file.js';
import { printable } from '../../util/text/escape.js';

const STUCK_FILE = 'stuck.json';
/** After this time one run tries again. Milliseconds. */
const LASTS = 24 * 3600 * 1000;
/** Characters; those that are not safe take more when they are made visible. */
const MAX_WHY = 300;
const MAX_STORED = 4096;

const stuckSchema = z.object({ schema: z.literal(1), at: z.number(), why: z.string().max(MAX_STORED) });

/** Why the later rungs of a ladder could not be saved; null if nobody has tried lately. */
export function stuckReason(dir: string, now = Date.now()): string | null {
  const mark = readJson(join(dir, STUCK_FILE), stuckSchema);
  if (mark === null) return null;
  // The host's clock may have been set back.
  const age = now - mark.at;
  return age >= 0 && age < LASTS ? mark.why : null;
}

/** Does nothing where the cache cannot be written: there nothing is saved either. */
export function markStuck(dir: string, why: string, now = Date.now()): void {
  const mark: z.infer<typeof stuckSchema> = { schema: 1, at: now, why: printable(why, MAX_WHY) };
  try {
    replaceFile(join(dir, STUCK_FILE), `${JSON.stringify(mark)}\n`);
  } catch {
    // The next run tries again.
  }
}
