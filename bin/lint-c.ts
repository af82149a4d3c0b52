// SPDX-License-Identifier: Apache-2.0
// Checks the C code of lab/ with the kernel's own tools: checkpatch and kernel-doc. They are part of a kernel's source,
// so this needs a source tree in the cache. Options and exceptions are in .checkpatch.conf.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cache, defaultCacheDir } from '../src/images/cache/cache.js';
import { runCommand } from '../src/util/process/command.js';

const ROOT = join(import.meta.dirname, '..');
/** checkpatch leaves this file behind. */
const LITTER = /^\.checkpatch-camelcase\./;

interface KernelSource {
  dir: string;
  version: string;
}

/** The newest kernel source in the cache that has the tools. */
function findSource(): KernelSource | undefined {
  const sources = new Cache(defaultCacheDir()).source('');
  if (!existsSync(sources)) return undefined;
  return readdirSync(sources)
    .map((id) => join(sources, id))
    .filter((dir) =>
      ['scripts/checkpatch.pl', 'scripts/kernel-doc', 'Makefile'].every((at) => existsSync(join(dir, at))),
    )
    .map((dir) => ({ dir, version: versionOf(readFileSync(join(dir, 'Makefile'), 'utf8')) }))
    .sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }))
    .at(-1);
}

function versionOf(makefile: string): string {
  const part = (name: string): string => new RegExp(`^${name} = (\\d+)$`, 'm').exec(makefile)?.[1] ?? '0';
  return `${part('VERSION')}.${part('PATCHLEVEL')}.${part('SUBLEVEL')}`;
}

function sourcesOfLab(): string[] {
  return readdirSync(join(ROOT, 'lab'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => join('lab', name))
    .sort();
}

/** What a tool complains about, one line each. */
async function complaints(argv: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand(argv, { cwd: ROOT });
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '' && !line.startsWith('total: '));
  return code === 0 || lines.length > 0 ? lines : [`${argv[0]} ended with ${code}`];
}

const source = findSource();
if (source === undefined) {
  console.log('skipped: checkpatch and kernel-doc come with a kernel source, and the cache has none.');
  console.log('`npx lab images build 7.3.4` puts one there.');
} else {
  const files = sourcesOfLab();
  const found = [
    ...(await complaints(['perl', join(source.dir, 'scripts/checkpatch.pl'), '--terse', '-f', ...files])),
    ...(await complaints(['python3', join(source.dir, 'scripts/kernel-doc'), '-none', '-Wall', ...files])),
  ];
  for (const name of readdirSync(ROOT)) if (LITTER.test(name)) rmSync(join(ROOT, name));
  for (const line of found) console.log(line);
  console.log(`${files.length} files, checked with the tools of Linux ${source.version}: ${found.length} complaints`);
  if (found.length > 0) process.exitCode = 1;
}
