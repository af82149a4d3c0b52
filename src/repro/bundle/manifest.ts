// SPDX-License-Identifier: Apache-2.0
// bundle.json, the first file of a bundle: every other file with its size and SHA-256. What is not in it is not in the
// bundle.
import { z } from 'zod';

export const MANIFEST = 'bundle.json';
export const KERNEL_FILES = ['bzImage', 'vmlinux', 'config', 'System.map'] as const;

/** Files, bytes of the manifest, bytes of one file and of all of them. */
export const MOST = { files: 512, manifest: 1 << 20, file: 2 ** 31, all: 2 ** 32 } as const;

/**
 * All paths that can be in a bundle. No way leads out of them: no name begins with a dot, and none holds a slash more.
 */
const PATH = /^(?:run\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}|kernels\/[0-9a-f]{64}\/(?:bzImage|vmlinux|config|System\.map))$/;

const file = z.strictObject({
  path: z.string().regex(PATH, 'no path that a bundle has'),
  size: z.number().int().min(0).max(MOST.file),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const manifestSchema = z.strictObject({
  schema: z.literal(1),
  /** Id of the run. */
  run: z.string().max(200),
  /** Version of the lab that packed it. */
  lab: z.string().max(200),
  files: z
    .array(file)
    .max(MOST.files)
    .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, 'a file is named twice')
    .refine(
      (files) => files.reduce((sum, { size }) => sum + size, 0) <= MOST.all,
      `more than ${MOST.all} bytes in all`,
    ),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type FileOfBundle = Manifest['files'][number];
