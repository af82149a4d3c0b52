// SPDX-License-Identifier: Apache-2.0
// The manifest of a ladder: which rungs were saved, and what each file must contain. Its own sum comes first, so that a
// change of one byte shows here too.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { RUNGS } from '../model/result/snapshot.js';
import { parseJson } from '../util/json.js';

export const MANIFEST_SCHEMA = 1;
export const MANIFEST_FILE = 'manifest.json';
/** Bytes; `info registers -a` of a few processors is most of it. */
export const MAX_MANIFEST = 16 << 20;

/** No way out of the ladder's folder. */
const fileName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const count = z.number().int().min(0);
const file = z.object({ file: fileName, digest: z.string().regex(/^[0-9a-f]{64}$/), bytes: count });
export type SavedFile = z.infer<typeof file>;

const rung = z.object({
  rung: z.enum(RUNGS),
  /** The state of processors and devices: a stream of QEMU's migration. */
  state: file,
  ram: file,
  /** `info registers -a`. */
  registers: z.string().max(1 << 20),
  /** How many bytes of the console and of the readiness marks, and how many entries of the journal, came before it. */
  console: count,
  marks: count,
  journal: count,
  /** Digest of what the next kernel was asked to do by then (`operationsBeforeFiles`); only of `retrieve`. */
  operations: z.string().max(64).optional(),
});
export type SavedRung = z.infer<typeof rung>;

/** The first boot: how long it took, and how many bytes of the console and the marks there were at its end. */
const bootSchema = z.object({ ms: z.number().min(0), console: count, marks: count });

export const manifestSchema = z.object({
  schema: z.literal(MANIFEST_SCHEMA),
  /** Random: two ladders of one key differ in it. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  key: z.string().regex(/^[0-9a-f]{32}$/),
  savedAt: z.iso.datetime(),
  qemuVersion: z.string().max(500),
  boot: bootSchema,
  rungs: z.array(rung).min(1).max(RUNGS.length),
  console: file,
  marks: file,
  journal: file,
});
export type Manifest = z.infer<typeof manifestSchema>;

export function manifestText(manifest: Manifest): string {
  const json = JSON.stringify(manifest);
  return `${sumOf(json)}\n${json}\n`;
}

/** Null if the text is no manifest, was changed, or is of another version. */
export function readManifest(text: string): Manifest | null {
  const [sum, json, ...rest] = text.split('\n');
  if (json === undefined || rest.join('') !== '' || sum !== sumOf(json)) return null;
  return parseJson(json, manifestSchema);
}

function sumOf(json: string): string {
  return createHash('sha256').update(json).digest('hex');
}
