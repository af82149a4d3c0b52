// SPDX-License-Identifier: Apache-2.0
// The file image.json beside a kernel in the cache: what the kernel is, and what it was made of.
import { join } from 'node:path';
import { z } from 'zod';
import { componentSchema, registeredSchema } from '../../model/kernel/component.js';
import { readJson } from '../../util/read-json.js';

/** Loose: the file may be written again, and must keep what another version of the lab added. */
export const storedImageSchema = z.looseObject({
  schema: z.literal(1),
  name: z.string(),
  release: z.string().nullable(),
  /** Found by version strings. */
  components: z.array(componentSchema),
  /** The kernel's own list of versions; missing if an older lab built it. */
  listed: z.array(componentSchema).nullable().optional(),
  /** What it registers with LUO, null if that cannot be read; missing if an older lab built it. */
  registered: registeredSchema.nullable().optional(),
  /** Versions in its source that are numbers; missing if its source was not at hand. */
  numbers: z.array(componentSchema).optional(),
  sha256: z.string(),
  /** Size of the bzImage, to notice an incomplete file. */
  size: z.number(),
  /** The key without the compiler: finds a kernel that this host could not build itself. */
  inputs: z.string(),
  source: z.string(),
  sourceId: z.string(),
  compiler: z.string(),
  builtAt: z.string(),
  seconds: z.number(),
  notes: z.array(z.string()),
  /** The compiler of another host built it, and it is used here as it is. */
  fetched: z.boolean().optional(),
  /** If it was fetched: the sources of the definition that it was fetched for. */
  fetchedFor: z.string().optional(),
  /** The image store that it came from, without a password. */
  from: z.string().optional(),
});
export type StoredImage = z.infer<typeof storedImageSchema>;

/** Reads the description of the kernel in a folder; null if it is missing or damaged. */
export function readStoredImage(dir: string): StoredImage | null {
  return readJson(join(dir, 'image.json'), storedImageSchema);
}
