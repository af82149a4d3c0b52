// SPDX-License-Identifier: Apache-2.0
// A kernel in a cache, without a build: a definition whose source nobody fetches, and small files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settle } from '../../../src/images/build/collect.js';
import { compilerVersion } from '../../../src/images/build/compiler.js';
import { inputsOf, keyWith } from '../../../src/images/build/keys.js';
import { writeJson } from '../../../src/images/cache/cache.js';
import { openWorkspace, type Workspace } from '../../../src/images/context.js';
import type { KernelDefinition } from '../../../src/images/definition/definition.js';
import { originPath } from '../../../src/images/source/source.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { folderWith, temporaryFolder } from '../folder.js';

export const SOURCE_ID = 'a'.repeat(32);

export function definition(): KernelDefinition {
  const dir = folderWith({ 'a.config': 'CONFIG_A=y\n' });
  return {
    name: 'k',
    file: join(dir, 'k.yaml'),
    description: '',
    sources: [{ kind: 'url', url: 'http://nowhere.invalid/linux.tar', sha256: '0'.repeat(64) }],
    prebuilt: null,
    configOf: null,
    config: [join(dir, 'a.config')],
    core: [],
    patches: [],
    overlay: [],
    steps: null,
    onDemand: false,
  };
}

export function emptyCache(store: string | null = null): Workspace & { notes: string[] } {
  const notes: string[] = [];
  const context = {
    cacheDir: join(temporaryFolder(), 'cache'),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onNote: (line: string) => void notes.push(line),
    store,
  };
  return { ...openWorkspace(context), notes };
}

/** A cache that has built the kernel. */
export async function fullCache(kernel: KernelDefinition, sourceId = SOURCE_ID): Promise<Workspace> {
  const work = emptyCache();
  writeJson(originPath(kernel, work), { index: 0, id: sourceId });
  const inputs = inputsOf(kernel, sourceId);
  const compiler = (await compilerVersion(work)) ?? 'gcc 1; ld 1';
  const key = keyWith(inputs, compiler);
  const dir = work.cache.kernel(`.${key}.partial`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'bzImage'), fakeBzImage({ release: '9.0.0-lab' }));
  writeFileSync(join(dir, 'vmlinux'), '\0kho-v4\0memfd-v2\0'.padEnd(300_000, 'x'));
  writeFileSync(join(dir, 'config'), 'CONFIG_A=y\n');
  writeFileSync(join(dir, 'System.map'), '\n');
  const facts = { name: kernel.name, inputs, source: 'a url', sourceId, compiler, builtAt: 'then', seconds: 7 };
  await settle(dir, key, facts, work);
  return work;
}
