// SPDX-License-Identifier: Apache-2.0
// `origin.json` in the folder of a run that another host sent. A run without it was made here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';

export const ORIGIN_FILE = 'origin.json';

const originSchema = z.object({
  from: z.literal('worker'),
  /** HOST:PID, as the sender says. */
  worker: z.string().max(300),
  /** `signed`: the sender knows the secret of the queue. */
  sender: z.enum(['signed', 'unsigned']),
});
export type RunOrigin = z.infer<typeof originSchema>;

export function writeOrigin(folder: string, origin: RunOrigin): void {
  writeFileSync(join(folder, ORIGIN_FILE), `${JSON.stringify(origin)}\n`);
}

/** Says where a run came from; null if it was made here. */
export function readOrigin(folder: string): RunOrigin | null {
  return readJson(join(folder, ORIGIN_FILE), originSchema);
}
