// SPDX-License-Identifier: Apache-2.0
// Programs of the tests that run in processes of their own. A bundle starts in a quarter of the time that tsx needs.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../../src/util/package-root.js';

const built = new Map<string, Promise<string>>();

/** The command that runs a TypeScript file, without its arguments. */
export async function programOf(file: string): Promise<[node: string, file: string]> {
  let program = built.get(file);
  if (program === undefined) built.set(file, (program = bundle(file)));
  return [process.execPath, await program];
}

async function bundle(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    write: false,
  });
  // Below node_modules, where the bundle finds the packages.
  const folder = join(packageRoot(), 'node_modules/.lab-tests');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${relative(packageRoot(), file).replace(/\W/g, '-')}.mjs`);
  // Other workers of this test run write the same.
  const beside = `${path}.${process.pid}`;
  writeFileSync(beside, outputFiles[0]?.contents ?? '');
  renameSync(beside, path);
  return path;
}
