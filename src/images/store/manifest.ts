// SPDX-License-Identifier: Apache-2.0
// How an image store is laid out. Files lie under the SHA-256 of their content. An index entry lists the files of one
// image; its name is a key that each host computes from its own definitions. What comes from a store is never believed:
// names and keys are computed here, and sizes and sums are checked.
import { z } from 'zod';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const key = z.string().regex(/^[0-9a-f]{32}$/);
const word = z.string().max(500);
/** No file of an image is larger. */
export const MAX_FILE = 1 << 30;
/** No index entry is larger. */
export const MAX_ENTRY = 64 << 10;

const file = z.object({ name: word, sha256: hash, size: z.number().int().min(0).max(MAX_FILE) });
export type StoredFile = z.infer<typeof file>;

export const kernelEntry = z.object({
  schema: z.literal(1),
  kind: z.literal('kernel'),
  /** For people who look into the store. */
  name: word,
  source: word,
  /** Names the content of the source. */
  sourceId: key,
  compiler: word,
  builtAt: word,
  seconds: z.number().min(0),
  files: z.array(file).max(16),
});
export type KernelEntry = z.infer<typeof kernelEntry>;

export const rootfsEntry = z.object({ schema: z.literal(1), kind: z.literal('rootfs'), files: z.array(file).max(16) });
export type RootfsEntry = z.infer<typeof rootfsEntry>;

/** Where a file lies. */
export const objectPath = (sha256: string) => `objects/${sha256.slice(0, 2)}/${sha256}`;
/** Where the index entry of an image lies. */
export const entryPath = (kind: 'kernel' | 'rootfs', imageKey: string) => `index/${kind}/${imageKey}.json`;
