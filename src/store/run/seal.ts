// SPDX-License-Identifier: Apache-2.0
// Proves that this lab wrote a run, and whether the scenario was trusted then. A run that came from elsewhere, or whose
// scenario was changed, has no valid seal and is data.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Result } from '../../model/result/result.js';
import { readJson } from '../../util/read-json.js';
import { ensureLabKey, readLabKey } from './lab-key.js';

export const SEAL_FILE = 'seal.json';

/** `trusted`: the scenario could use everything of the host. `data`: it was held to the rule. */
export type Provenance = 'trusted' | 'data';

/** How the scenario of a run was read. */
export interface Origin {
  provenance: Provenance;
  /** Folder in which its paths started. */
  folder: string;
}

/** What a run is repeated from. */
export interface Sealed {
  result: Pick<Result, 'id' | 'kernels'>;
  /** The YAML of its scenario. */
  text: string;
}

const schema = z.strictObject({
  schema: z.literal(1),
  scenario: z.enum(['trusted', 'data']),
  folder: z.string(),
  seal: z.string().regex(/^[0-9a-f]{64}$/),
});

function sealOf(key: Buffer, { provenance, folder }: Origin, { result, text }: Sealed): string {
  const { id, kernels } = result;
  const content = [1, provenance, folder, id, kernels.map(({ name, sha256 }) => [name, sha256]), text];
  return createHmac('sha256', key).update(JSON.stringify(content)).digest('hex');
}

/** Writes the seal into a run's folder. Without a key the run stays without one. */
export function writeSeal(runFolder: string, origin: Origin, run: Sealed): void {
  const key = ensureLabKey();
  if (key === null) return;
  const { provenance: scenario, folder } = origin;
  const seal: z.infer<typeof schema> = { schema: 1, scenario, folder, seal: sealOf(key, origin, run) };
  writeFileSync(join(runFolder, SEAL_FILE), `${JSON.stringify(seal)}\n`);
}

/** Null if this lab did not write the run, or if it was changed since. */
export function readSeal(runFolder: string, run: Sealed): Origin | null {
  const stored = readJson(join(runFolder, SEAL_FILE), schema);
  const key = stored === null ? null : readLabKey();
  if (stored === null || key === null) return null;
  const origin: Origin = { provenance: stored.scenario, folder: stored.folder };
  const expected = Buffer.from(sealOf(key, origin, run), 'hex');
  return timingSafeEqual(expected, Buffer.from(stored.seal, 'hex')) ? origin : null;
}
