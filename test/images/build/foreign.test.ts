// SPDX-License-Identifier: Apache-2.0
// A kernel from somebody else, whose makefile attacks the host that builds it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isForeign } from '../../../src/images/source/confine.js';
import { ensureKernel } from '../../../src/images/build/kernel.js';
import { definitionFolders } from '../../../src/images/definition/definition.js';
import { findProgram, hostTools } from '../../../src/images/requirements.js';
import { hostSandbox } from '../../../src/sandbox/index.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { folderWith, temporaryFolder } from '../folder.js';
import { definition, emptyCache } from '../store/box.js';

const { kind } = await hostSandbox();
const ready = kind === 'bwrap' && hostTools(['unpack', 'build']).every((tool) => tool.path !== null);

afterEach(() => vi.unstubAllEnvs());

interface Built {
  report: string[];
  failure: string | null;
  outside: string;
  cache: string;
}

/** Builds a kernel whose makefile runs `attack` with bash. Its report is its configuration. */
async function build(attack: (outside: string) => string, last = ':'): Promise<Built> {
  const dir = folderWith({ 'a.config': 'CONFIG_A=y\n' });
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'secret'), 'secret\n');
  mkdirSync(join(dir, 'linux-9/init'), { recursive: true });
  writeFileSync(join(dir, 'linux-9/init/main.c'), 'one\n');
  writeFileSync(join(dir, 'linux-9/attack'), attack(outside));
  writeFileSync(
    join(dir, 'linux-9/Makefile'),
    'allnoconfig:\n\tcp $(KCONFIG_ALLCONFIG) .config\n' +
      'bzImage:\n\tmkdir -p arch/x86/boot\n\tcp image arch/x86/boot/bzImage\n\tcp strings vmlinux\n' +
      `\techo > System.map\n\tbash attack > report 2>/dev/null; cat report >> .config\n\t${last}\n`,
  );
  writeFileSync(join(dir, 'linux-9/image'), fakeBzImage({ release: '9.0.0-lab' }));
  writeFileSync(join(dir, 'linux-9/strings'), '\0kho-v4\0memfd-v2\0');
  execFileSync('tar', ['-C', dir, '-cJf', join(dir, 'linux-9.tar.xz'), 'linux-9']);
  const definition = join(dir, 'k.yaml');
  writeFileSync(definition, 'sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n');
  const cache = join(temporaryFolder(), 'cache');
  const context = { cacheDir: cache, jobs: 1, signal: new AbortController().signal, onProgress: () => undefined };
  try {
    const { config } = await ensureKernel(definition, context);
    const report = readFileSync(config ?? '', 'utf8').split('\n');
    return { report, failure: null, outside, cache };
  } catch (error) {
    return { report: [], failure: String(error), outside, cache };
  }
}

describe.runIf(ready)('a foreign kernel', () => {
  it('builds without the host: no file, no network, no process, no other source', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { report, failure, outside, cache } = await build(
      (folder) => `
        try() { if "\${@:2}"; then echo "DONE $1"; else echo "DENIED $1"; fi; }
        try 'own tree' touch mine
        try shadow cat /etc/shadow
        try secret cat ${folder}/secret
        try write touch ${folder}/written
        try system touch /usr/bin/lab-was-here
        try connect bash -c 'exec 5<>/dev/tcp/127.0.0.1/${port}'
        try signal kill -0 ${process.pid}
        try namespace unshare --user true
        try mount mount -t tmpfs none /mnt
        echo changed >> init/main.c
      `,
    ).finally(() => server.close());
    expect(failure).toBeNull();
    expect(report.filter((line) => line.startsWith('DONE'))).toEqual(['DONE own tree']);
    expect(report.filter((line) => line.startsWith('DENIED'))).toHaveLength(8);
    expect(readdirSync(outside)).toEqual(['secret']);
    const [source = ''] = readdirSync(join(cache, 'sources')).filter((name) => !name.startsWith('.'));
    expect(readFileSync(join(cache, 'sources', source, 'init/main.c'), 'utf8')).toBe('one\n');
    expect(existsSync(join(cache, 'ccache'))).toBe(false);
  });

  it('that leaves a link in the place of its image gives no file of the host', async () => {
    const { failure } = await build(() => 'true', 'ln -sf /etc/hostname System.map');
    expect(failure).toContain('made no file System.map');
  });
});

describe.runIf(findProgram('setpriv') !== null)('on a host without bubblewrap, a foreign kernel', () => {
  it('is refused before anything of it runs, with the line that installs the package', async () => {
    const bin = temporaryFolder();
    for (const name of ['setpriv', 'prlimit', 'env', 'sleep']) symlinkSync(findProgram(name) ?? '', join(bin, name));
    vi.stubEnv('PATH', bin);
    // The sandbox of a host is looked for once in a process.
    vi.resetModules();
    const { confinementOf } = await import('../../../src/images/source/confine.js');
    const kernel = definition();
    await expect(confinementOf(kernel, { path: temporaryFolder(), name: 'tree' }, emptyCache())).rejects.toMatchObject({
      message: expect.stringContaining('this host has no sandbox to build it in'),
      detail: 'bubblewrap is not installed',
      hint: expect.stringContaining('apt-get install -y --no-install-recommends bubblewrap'),
    });
  });
});

it('a kernel is foreign unless the lab or a folder of LAB_IMAGES defines it', () => {
  const dir = folderWith({ 'k.yaml': '' });
  const own = definitionFolders().at(-1) ?? '';
  expect(isForeign({ file: join(own, '7.3.4.yaml') })).toBe(false);
  expect(isForeign({ file: join(dir, 'k.yaml') })).toBe(true);
  vi.stubEnv('LAB_IMAGES', dir);
  expect(isForeign({ file: join(dir, 'k.yaml') })).toBe(false);
});
