// SPDX-License-Identifier: Apache-2.0
// coverage.json of a run.
import { join } from 'node:path';
import { z } from 'zod';
import type { Coverage } from '../../model/result/coverage.js';
import { readJson } from '../../util/read-json.js';

export const COVERAGE_JSON = 'coverage.json';

const MAX_BLOCKS = 1 << 20;
const address = z.number().int().min(0).max(0xffffffff);

const schema = z.object({
  schema: z.literal(1),
  epochs: z
    .array(
      z.object({
        epoch: z.number().int().min(0),
        kernel: z.object({ name: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
        blind: z.string().nullable(),
        blocks: z.array(z.tuple([address, z.number().int().min(1).max(8192)])).max(MAX_BLOCKS),
      }),
    )
    .max(1024),
});

/** Null if the run kept none, or it cannot be read. */
export function readCoverage(folder: string): Coverage | null {
  return readJson(join(folder, COVERAGE_JSON), schema);
}
