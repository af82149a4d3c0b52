// SPDX-License-Identifier: Apache-2.0
// Which build of QEMU is installed: the version alone does not tell two builds apart. The answer is stored, because
// hashing the program takes longer than all other look-ups together.
import { realpathSync } from 'node:fs';
import { z } from 'zod';
import { runCommand } from '../util/process/command.js';
import { LabError } from '../util/errors.js';
import { readJson } from '../util/read-json.js';
import { replaceFile } from '../util/replace-file.js';
import { digestOf, stampAt } from './digest.js';

const buildSchema = z.object({
  /** First line of `--version`. */
  version: z.string().max(500),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});
export type QemuBuild = z.infer<typeof buildSchema>;

/** How many answers are stored. */
const MAX_STORED = 8;
const storedSchema = z.record(z.string(), buildSchema);

/**
 * Returns the build of a QEMU. Throws a LabError if it does not run.
 * @param binary path of QEMU
 * @param factsFile file with the stored answers; it may be missing
 */
export async function qemuBuild(binary: string, factsFile: string, signal?: AbortSignal): Promise<QemuBuild> {
  const path = realpathSync(binary);
  const name = `${path} ${await stampAt(path)}`;
  const stored = readJson(factsFile, storedSchema) ?? {};
  const known = stored[name];
  if (known !== undefined) return known;
  const { code, stdout, stderr } = await runCommand([path, '--version'], { signal, maxOutput: 64 << 10 });
  const version = stdout.split('\n')[0]?.trim().slice(0, 500) ?? '';
  if (code !== 0 || version === '') throw new LabError(`${path} --version failed`, { detail: stderr.slice(-2000) });
  const { digest } = await digestOf(path, signal);
  const build = { version, digest };
  const others = Object.entries(stored).slice(-MAX_STORED + 1);
  try {
    replaceFile(factsFile, `${JSON.stringify({ ...Object.fromEntries(others), [name]: build })}\n`);
  } catch {
    // A cache that cannot be written costs only time.
  }
  return build;
}
