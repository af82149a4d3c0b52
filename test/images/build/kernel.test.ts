// SPDX-License-Identifier: Apache-2.0
// From a definition to a kernel in the cache, with a source tree that builds in a moment instead of minutes.
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { listText } from '../../../src/cli/text/images.js';
import type { ImageContext } from '../../../src/images/context.js';
import { hostTools } from '../../../src/images/requirements.js';
import { ensureKernel } from '../../../src/images/build/kernel.js';
import { listImages, showImage } from '../../../src/images/cache/list.js';
import { removeImage } from '../../../src/images/cache/remove.js';
import { LabError } from '../../../src/util/errors.js';
import type { Progress } from '../../../src/util/progress.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { programOf } from '../../util/program.js';
import { folderWith, temporaryFolder } from '../folder.js';

const [NODE, HOLDER] = await programOf(join(import.meta.dirname, 'holder.ts'));
const ready = hostTools(['unpack', 'build']).every((tool) => tool.path !== null);

/** Builds like a real tree, as far as the lab can see; counts its builds, and waits for a file if told to. */
const MAKEFILE = `allnoconfig:
\tcp $(KCONFIG_ALLCONFIG) .config
olddefconfig:
\techo CONFIG_SELECTED=y >> .config
bzImage:
\t@touch $$\{TMPDIR:-/tmp}/cc-of-a-compiler.s
\t@echo build >> $(COUNT)
\t@echo '  CC      init/main.o'
\t@echo '  CC      mm/memfd.o'
\t@while [ -e $(COUNT).wait ]; do sleep 0.02; done
\t@if [ -e broken ]; then echo 'mm/memfd.c:7: error: no' >&2; exit 1; fi
\t@mkdir -p arch/x86/boot
\t@cat image .config $(wildcard extra.c) > arch/x86/boot/bzImage
\t@cp strings vmlinux
\t@echo > System.map
`;

afterEach(() => vi.unstubAllEnvs());

interface Lab {
  dir: string;
  definition: string;
  cache: string;
  builds: () => number;
  context: ImageContext;
  seen: Progress[];
}

/** A source tarball, its definition, and a cache. */
function lab(files: Record<string, string | Buffer> = {}, more = ''): Lab {
  const dir = folderWith({ 'a.config': 'CONFIG_A=y\n', ...files });
  // Its makefile counts outside the tree, which a foreign kernel cannot (foreign.test.ts).
  vi.stubEnv('LAB_IMAGES', dir);
  const count = join(dir, 'count');
  mkdirSync(join(dir, 'linux-9/init'), { recursive: true });
  writeFileSync(join(dir, 'linux-9/Makefile'), `COUNT := ${count}\n${MAKEFILE}`);
  writeFileSync(join(dir, 'linux-9/image'), fakeBzImage({ release: '9.0.0-lab' }));
  writeFileSync(join(dir, 'linux-9/strings'), '\0kho-v4\0memfd-v2\0');
  writeFileSync(join(dir, 'linux-9/init/main.c'), 'one\ntwo\nthree\n');
  execFileSync('tar', ['-C', dir, '-cJf', join(dir, 'linux-9.tar.xz'), 'linux-9']);
  writeFileSync(
    join(dir, 'k.yaml'),
    `sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n${more}`,
  );
  const cache = join(temporaryFolder(), 'cache');
  const seen: Progress[] = [];
  return {
    dir,
    cache,
    seen,
    definition: join(dir, 'k.yaml'),
    builds: () => (existsSync(count) ? readFileSync(count, 'utf8').split('\n').length - 1 : 0),
    context: {
      cacheDir: cache,
      jobs: 1,
      signal: new AbortController().signal,
      onProgress: (progress) => seen.push(progress),
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<LabError> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    return error as LabError;
  }
  throw new Error('it did not fail');
}

function otherLab({ definition, cache }: Lab) {
  const child = spawn(NODE, [HOLDER, 'kernel', definition, cache], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  return { child, done: new Promise<string>((resolve) => child.once('close', () => resolve(out.trim()))) };
}

async function until(what: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !what();) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.skipIf(!ready)('kernels', () => {
  it('start from a finished configuration, which is part of what they are', async () => {
    const start = 'CONFIG_X86_64=y\nCONFIG_KEXEC_CORE=y\nCONFIG_XFS_FS=m\nCONFIG_A=m\n';
    const box = lab({ 'distro.config': start }, 'configOf: distro.config\n');
    const image = await ensureKernel(box.definition, box.context);
    const lines = readFileSync(image.config ?? '', 'utf8').split('\n');
    expect(lines).toContain('CONFIG_A=y');
    expect(lines).toContain('# CONFIG_XFS_FS is not set');
    expect(lines).toContain('CONFIG_SELECTED=y');
    expect(lines).not.toContain('CONFIG_A=m');
    writeFileSync(join(box.dir, 'distro.config'), start.replace('XFS', 'EXT4'));
    expect((await ensureKernel(box.definition, box.context)).cacheDir).not.toBe(image.cacheDir);
    // What the lab needs and make drops is named before anything is compiled.
    writeFileSync(join(box.dir, 'linux.config'), 'CONFIG_ARM64=y\n');
    writeFileSync(join(box.dir, 'k.yaml'), readFileSync(box.definition, 'utf8').replace('distro', 'linux'));
    const builds = box.builds();
    expect((await failure(ensureKernel(box.definition, box.context))).message).toContain('lacks CONFIG_X86_64=y');
    expect(box.builds()).toBe(builds);
  });

  it('are built once and then only looked up', async () => {
    const box = lab();
    const first = await ensureKernel(box.definition, box.context);
    expect(first).toMatchObject({
      name: 'k',
      release: '9.0.0-lab',
      components: [
        { name: 'kho', version: 4 },
        { name: 'memfd', version: 2 },
      ],
    });
    expect(readFileSync(first.config ?? '', 'utf8')).toBe('CONFIG_A=y\n');
    expect(box.seen.map(({ task }) => task)).toEqual(expect.arrayContaining(['unpack k', 'configure k', 'build k']));
    const steps = box.seen.length;
    expect(await ensureKernel(box.definition, box.context)).toEqual(first);
    const other = join(box.dir, 'other.yaml');
    copyFileSync(box.definition, other);
    expect(await ensureKernel(other, box.context)).toEqual({ ...first, name: 'other' });
    expect(box.builds()).toBe(1);
    expect(box.seen.length).toBe(steps);
    // The tree stays for the next configuration of this source; nothing unfinished is left.
    expect(existsSync(join(box.cache, 'build'))).toBe(false);
    expect(readdirSync(join(box.cache, 'built'))).toHaveLength(1);
    expect(readdirSync(join(box.cache, 'sources'))).toHaveLength(1);
  });

  it('that an older lab built are read, and missing facts are added', async () => {
    const box = lab();
    const first = await ensureKernel(box.definition, box.context);
    const file = join(first.cacheDir ?? '', 'image.json');
    const { listed, ...older } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect(listed).toBeNull();
    writeFileSync(file, JSON.stringify({ ...older, notes: [] }));
    expect(await ensureKernel(box.definition, box.context)).toEqual(first);
    expect(box.builds()).toBe(1);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...older, listed });
  });

  it('another input makes another kernel', async () => {
    const box = lab({
      'b.config': 'CONFIG_B=n\n',
      'over/extra.c': 'x',
      'fix.patch': '--- a/init/main.c\n+++ b/init/main.c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
    });
    const keys = new Set<string | null>();
    const add = async (more: string) => {
      writeFileSync(
        box.definition,
        `sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n${more}`,
      );
      keys.add((await ensureKernel(box.definition, box.context)).cacheDir);
    };
    await add('');
    await add('description: words make no other kernel\n');
    expect(keys.size).toBe(1);
    await add('patches: [fix.patch]\n');
    await add('overlay: [over]\n');
    appendFileSync(join(box.dir, 'over/extra.c'), 'y');
    await add('overlay: [over]\n');
    appendFileSync(join(box.dir, 'a.config'), 'CONFIG_C=y\n');
    await add('');
    expect(keys.size).toBe(5);
    expect(box.builds()).toBe(5);
    // One source tree serves all of them, and none has changed it.
    const [tree = ''] = readdirSync(join(box.cache, 'sources'));
    expect(readFileSync(join(box.cache, 'sources', tree, 'init/main.c'), 'utf8')).toBe('one\ntwo\nthree\n');
    expect(existsSync(join(box.cache, 'sources', tree, 'extra.c'))).toBe(false);
  });

  it('of one patched source share a tree, whatever their options; only the newest such trees stay', async () => {
    const patch = (to: string) => `--- a/init/main.c\n+++ b/init/main.c\n@@ -1,3 +1,3 @@\n one\n-two\n+${to}\n three\n`;
    const patches = ['2', 'zwei', 'deux', 'due'];
    const box = lab({
      'b.config': 'CONFIG_B=n\n',
      ...Object.fromEntries(patches.map((to) => [`${to}.patch`, patch(to)])),
    });
    const build = async (more: string) => {
      writeFileSync(
        box.definition,
        `sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n${more}`,
      );
      return ensureKernel(box.definition, box.context);
    };
    const trees = () => readdirSync(join(box.cache, 'built'));
    await build('');
    const first = await build('patches: [2.patch]\n');
    writeFileSync(join(box.dir, 'a.config'), 'CONFIG_A=n\n');
    expect((await build('patches: [2.patch]\n')).cacheDir).not.toBe(first.cacheDir);
    expect(trees()).toHaveLength(2);
    for (const to of patches) await build(`patches: [${to}.patch]\n`);
    expect(trees().filter((name) => name.includes('-'))).toHaveLength(3);
    expect(trees().filter((name) => !name.includes('-'))).toHaveLength(1);
  });

  it('an option without its requested value stops the build', async () => {
    const box = lab();
    rmSync(join(box.dir, 'linux-9.tar.xz'));
    writeFileSync(join(box.dir, 'linux-9/Makefile'), 'allnoconfig:\n\techo CONFIG_X=y > .config\n');
    execFileSync('tar', ['-C', box.dir, '-cf', join(box.dir, 'linux-9.tar'), 'linux-9']);
    writeFileSync(box.definition, 'sources:\n  - {kind: tarball, path: linux-9.tar}\nconfig: [./a.config]\n');
    expect((await failure(ensureKernel(box.definition, box.context))).message).toBe(
      `kernel k: CONFIG_A=y (${box.dir}/a.config:1) is not set as requested`,
    );
  });

  it('a failed build shows the end of its log and names the log', async () => {
    const box = lab({ 'over/broken': '' }, 'overlay: [over]\n');
    const error = await failure(ensureKernel(box.definition, box.context));
    expect(error.message).toMatch(/^kernel k does not build \(full log: .*\/logs\/k-\w+\.log\)$/);
    expect(error.detail).toContain('mm/memfd.c:7: error: no');
    expect(error.detail?.split('\n').length).toBeLessThanOrEqual(30);
  });

  it('a patch that does not apply is named', async () => {
    const box = lab(
      { 'fix.patch': '--- a/init/main.c\n+++ b/init/main.c\n@@ -1,3 +1,3 @@\n one\n-zwei\n+2\n three\n' },
      'patches: [fix.patch]\n',
    );
    expect((await failure(ensureKernel(box.definition, box.context))).message).toBe(
      `${box.dir}/fix.patch does not apply to the source of k`,
    );
    expect(readdirSync(join(box.cache, 'built'))).toEqual([]);
  });

  it('sources are tried in order, and all failures are reported', async () => {
    const box = lab();
    writeFileSync(
      box.definition,
      'sources:\n  - {kind: directory, path: nowhere}\n  - {kind: tarball, path: linux-9.tar.xz}\n',
    );
    await ensureKernel(box.definition, box.context);
    writeFileSync(
      box.definition,
      'sources:\n  - {kind: directory, path: nowhere}\n' +
        `  - {kind: tarball, path: linux-9.tar.xz, sha256: ${'0'.repeat(64)}}\n`,
    );
    const error = await failure(ensureKernel(box.definition, { ...box.context, cacheDir: temporaryFolder() }));
    expect(error.message).toBe('kernel k: none of its sources is available');
    expect(error.detail).toMatch(/nowhere.*\n.*the definition says 0000/);
  });

  it('a tarball that is cut off is not a source', async () => {
    const box = lab();
    const path = join(box.dir, 'linux-9.tar.xz');
    writeFileSync(path, readFileSync(path).subarray(0, -100));
    expect((await failure(ensureKernel(box.definition, box.context))).detail).toMatch(/cannot unpack linux-9\.tar\.xz/);
  });

  it('from a folder change when the folder changes', async () => {
    const box = lab();
    writeFileSync(box.definition, 'sources:\n  - {kind: directory, path: linux-9}\nconfig: [./a.config]\n');
    const first = await ensureKernel(box.definition, box.context);
    writeFileSync(join(box.dir, 'linux-9/mm.o'), 'left by a build');
    expect((await ensureKernel(box.definition, box.context)).cacheDir).toBe(first.cacheDir);
    writeFileSync(join(box.dir, 'linux-9/extra.c'), 'new');
    const second = await ensureKernel(box.definition, box.context);
    expect(second.sha256).not.toBe(first.sha256);
    expect(box.builds()).toBe(2);
    expect(existsSync(join(box.dir, 'linux-9/.config'))).toBe(false);
  });

  it.skipIf(hostTools(['git']).some((tool) => tool.path === null))('come from a git tree and ref', async () => {
    const box = lab();
    const git = (...args: string[]) =>
      execFileSync('git', [
        '-C',
        join(box.dir, 'linux-9'),
        '-c',
        'user.name=lab',
        '-c',
        'user.email=lab@localhost',
        ...args,
      ]);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'one');
    git('tag', 'v9');
    writeFileSync(join(box.dir, 'linux-9/Makefile'), 'broken');
    writeFileSync(box.definition, 'sources:\n  - {kind: git, path: linux-9, ref: v9}\nconfig: [./a.config]\n');
    expect((await ensureKernel(box.definition, box.context)).release).toBe('9.0.0-lab');
    writeFileSync(box.definition, 'sources:\n  - {kind: git, path: linux-9, ref: v10}\n');
    expect((await failure(ensureKernel(box.definition, box.context))).message).toMatch(/no v10 in/);
  });

  it.skipIf(hostTools(['git']).some((tool) => tool.path === null))(
    'of one git tree are built in one checkout, which keeps what make made and forgets what overlays brought',
    async () => {
      const box = lab();
      const tree = join(box.dir, 'linux-9');
      const git = (...args: string[]) =>
        execFileSync('git', ['-C', tree, '-c', 'user.name=lab', '-c', 'user.email=lab@localhost', ...args]);
      git('init', '-q');
      git('add', '.');
      git('commit', '-qm', 'one');
      const kernelOf = async (ref: string) => {
        writeFileSync(box.definition, `sources:\n  - {kind: git, path: linux-9, ref: ${ref}}\nconfig: [./a.config]\n`);
        return ensureKernel(box.definition, box.context);
      };
      await kernelOf('HEAD');
      const built = join(box.context.cacheDir ?? '', 'built');
      const [checkout = ''] = readdirSync(built);
      expect(readdirSync(built)).toHaveLength(1);
      writeFileSync(join(built, checkout, 'object.o'), 'made by make');
      writeFileSync(join(built, checkout, '.git/index.lock'), '');
      writeFileSync(join(tree, 'new.c'), 'int x;');
      git('add', '.');
      git('commit', '-qm', 'two');
      await kernelOf('HEAD');
      expect(readdirSync(built)).toEqual([checkout]);
      expect(existsSync(join(built, checkout, 'object.o'))).toBe(true);
      expect(existsSync(join(built, checkout, 'new.c'))).toBe(true);
      expect(box.builds()).toBe(2);
      await kernelOf('HEAD~1');
      expect(box.builds()).toBe(2);
    },
  );

  it('a file that was damaged in the cache is made again', async () => {
    const box = lab();
    const { bzImage } = await ensureKernel(box.definition, box.context);
    writeFileSync(bzImage, 'half');
    expect(readFileSync((await ensureKernel(box.definition, box.context)).bzImage).length).toBeGreaterThan(2000);
    expect(box.builds()).toBe(2);
  });

  it('can be shown and removed', async () => {
    const box = lab();
    await ensureKernel(box.definition, box.context);
    expect(await showImage(box.definition, box.context)).toMatchObject({
      name: 'k',
      state: 'ready',
      built: { source: expect.stringContaining('linux-9.tar.xz') },
      notes: [expect.stringContaining('no ELF file')],
    });
    const removed = await removeImage('k', box.context, { sources: true });
    expect(removed.paths).toHaveLength(2);
    expect(await showImage(box.definition, box.context)).toMatchObject({ state: 'missing', image: null });
    expect(await ensureKernel(box.definition, box.context)).toMatchObject({ name: 'k' });
  });

  it('a small variant is listed with its kernel, and removed with it', async () => {
    const box = lab({ 'b.config': 'CONFIG_B=y\n' }, 'core: [./b.config]\n');
    const listed = async () => {
      const [entry] = (await listImages(box.context)).filter(({ name }) => name === 'k');
      return entry === undefined ? null : { ...entry, text: listText([entry]).split('\n')[1] };
    };
    expect(await listed()).toMatchObject({ state: 'missing', small: { state: 'missing', bytes: 0 } });
    const small = await ensureKernel(box.definition, box.context, 'core');
    expect(await listed()).toMatchObject({
      state: 'missing',
      small: { state: 'ready', stale: 0, image: { bzImage: small.bzImage } },
      text: expect.stringMatching(/^k +small +\d.* kho-v4 memfd-v2/),
    });
    await ensureKernel(box.definition, box.context);
    expect((await listed())?.text).toMatch(/^k +ready, small +\d/);
    expect((await removeImage('k', box.context)).paths).toHaveLength(2);
    expect((await listed())?.text).toMatch(/^k +missing +- /);
  });

  it('two labs at once on an empty cache build one kernel', async () => {
    const box = lab();
    const results = await Promise.all([
      otherLab(box).done,
      otherLab(box).done,
      ensureKernel(box.definition, box.context),
    ]);
    expect(results[0]).toBe(results[2].sha256);
    expect(results[1]).toBe(results[2].sha256);
    expect(box.builds()).toBe(1);
  });

  it('a lab that is killed during a build leaves no make behind, and the next one resumes in its tree', async () => {
    const box = lab();
    const wait = join(box.dir, 'count.wait');
    writeFileSync(wait, '');
    const { child, done } = otherLab(box);
    await until(() => box.builds() === 1);
    const [key = ''] = readdirSync(join(box.cache, 'built'));
    child.kill('SIGKILL');
    await done;
    await until(() => !running(join(box.cache, 'built')));
    expect(existsSync(join(box.cache, 'built', key, '.lab-begun'))).toBe(true);
    writeFileSync(join(box.cache, 'built', key, 'kept'), '');
    rmSync(wait);
    await ensureKernel(box.definition, box.context);
    expect(box.builds()).toBe(2);
    expect(box.seen.some(({ task }) => task.startsWith('unpack'))).toBe(false);
  });

  it('Ctrl-C ends the build and everything that it started', async () => {
    const box = lab();
    writeFileSync(join(box.dir, 'count.wait'), '');
    const controller = new AbortController();
    const run = ensureKernel(box.definition, { ...box.context, signal: controller.signal });
    await until(() => box.builds() === 1);
    controller.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await until(() => !running(join(box.cache, 'built')));
    // Files of a killed compiler are left only in the tree.
    expect(existsSync(join(tmpdir(), 'cc-of-a-compiler.s'))).toBe(false);
  });
});

/** Does any process work in a folder? */
function running(folder: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false;
    }
  });
}
