// SPDX-License-Identifier: Apache-2.0
// bundle.json, the first file of a bundle: lists every other file with its size and SHA-256. A bundle may hold no other
// file.
import { z } from 'zod';

export const MANIFEST = 'bundle.json';
export const KERNEL_FILES = ['bzImage', 'vmlinux', 'config', 'System.map'] as const;

/** Limits of a bundle: the number of files, and bytes of the manifest, of one file and of all files. */
export const MAX = { files: 512, manifest: 1 << 20, file: 2 ** 31, all: 2 ** 32 } as const;

/** The paths that a bundle may hold. None leads outside: no name begins with a dot, and none holds another slash. */
const PATH = /^(?:run\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}|kernels\/[0-9a-f]{64}\/(?:bzImage|vmlinux|config|System\.map))$/;

const file = z.strictObject({
  path: z.string().regex(PATH, 'not a path of a bundle'),
  size: z.number().int().min(0).max(MAX.file),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const manifestSchema = z.strictObject({
  schema: z.literal(1),
  /** The id of the run. */
  run: z.string().max(200),
  /** The version of the lab that packed it. */
  lab: z.string().max(200),
  files: z
    .array(file)
    .max(MAX.files)
    .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, 'a file is listed twice')
    .refine((files) => files.reduce((sum, { size }) => sum + size, 0) <= MAX.all, `more than ${MAX.all} bytes in all`),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type FileOfBundle = Manifest['files'][number];
