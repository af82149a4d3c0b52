// SPDX-License-Identifier: Apache-2.0
// Builds upstream's live-update tests (tools/testing/selftests/liveupdate) as static programs, from the source of the
// kernel that they will run on, with its patches. The cache keeps them by source, patches and compiler.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../../util/process/command.js';
import { UsageError } from '../../util/errors.js';
import { readRegularFileSync, regularFileProblem } from '../../util/files/regular-file.js';
import { withLock } from '../../util/process/lock.js';
import { makeTemp, removeTemp } from '../../util/process/reaper.js';
import { nearest } from '../../util/text/nearest.js';
import { keyOf, onDisk } from '../cache/cache.js';
import { overlaid, touchedBy } from '../abi/tree.js';
import { compilerVersion } from './compiler.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { ensureTools, programPath } from '../requirements.js';
import { resolveKernel } from '../definition/resolve.js';
import { copyFiles } from '../source/apply.js';
import { type Confinement, confinementOf } from '../source/confine.js';
import { ensureSource } from '../source/source.js';
import { applyPatches, fileDigest, layOver, overlayDigests } from './tree.js';

/** Increased when the same inputs would give other programs. */
const RECIPE = 2;
/** Bytes of a source or a makefile. */
const MAX_TEXT = 1 << 20;
const FOLDER = 'tools/testing/selftests/liveupdate';
/** What the tests include from elsewhere. */
const HEADERS = 'tools/testing/selftests';
const INTERFACE = 'include/uapi/linux/liveupdate.h';

/**
 * Returns the path of the program for the machine. Throws a UsageError if the kernel is not built from source, or its
 * source has no such test.
 */
export async function ensureKselftest(kernel: string, test: string, context: ImageContext): Promise<string> {
  const work = openWorkspace(context);
  const definition = withSource(kernel, `to build ${test} from`);
  return onDisk(work.cache, async () => {
    await ensureTools(['rootfs'], work);
    const source = await ensureSource(definition, work);
    const { patches, overlay } = definition;
    const changed = [patches.map(fileDigest), overlay.map(overlayDigests)];
    const key = keyOf(['kselftest', RECIPE, source.id, await compilerVersion(work), changed]);
    const path = work.cache.program(`kselftest-${test}-${key}`);
    if (existsSync(path)) return path;
    work.onProgress({ task: `build ${test} of ${kernel}`, done: 0, of: null });
    return withLock(work.cache.lock(`kselftest-${source.id}`), { signal: work.signal }, async () => {
      if (existsSync(path)) return path;
      const dir = makeTemp(join(tmpdir(), 'lab-kselftest-'));
      try {
        await copySources(definition, source.dir, dir, work);
        checkTest(join(dir, FOLDER), kernel, test);
        const confined = await confinementOf(definition, { path: dir, name: `kselftest-${key}` }, work);
        await compile(confined, test, dir, context.signal);
        mkdirSync(join(path, '..'), { recursive: true });
        const beside = `${path}.${process.pid}`;
        copyFileSync(join(dir, test), beside);
        renameSync(beside, path);
        return path;
      } finally {
        removeTemp(dir);
      }
    });
  });
}

/** A program of the tests in a kernel's source. */
export interface ListedTest {
  name: string;
  /** It hands something over, and so runs in two stages: it is built on luo_test() of the tree. */
  staged: boolean;
}

/** The programs that a kernel's source makes of its live-update tests. Throws a UsageError if it has none. */
export async function listKselftests(kernel: string, context: ImageContext): Promise<ListedTest[]> {
  const work = openWorkspace(context);
  const definition = withSource(kernel, 'to list tests of');
  return onDisk(work.cache, async () => {
    const source = await ensureSource(definition, work);
    const dir = makeTemp(join(tmpdir(), 'lab-kselftest-'));
    try {
      await copySources(definition, source.dir, dir, work);
      const tests = testsIn(join(dir, FOLDER));
      if (tests.length === 0) throw new UsageError(`the source of kernel ${kernel} has no ${FOLDER}`);
      return tests;
    } finally {
      removeTemp(dir);
    }
  });
}

function withSource(kernel: string, what: string): KernelDefinition {
  const resolved = resolveKernel(kernel);
  if (resolved.kind === 'files' || resolved.definition.prebuilt !== null)
    throw new UsageError(`kernel ${kernel} is ready-made: there is no source ${what}`);
  return resolved.definition;
}

/** Those of the folder's Makefile (TEST_GEN_PROGS and TEST_GEN_PROGS_EXTENDED) whose source is there, in its order. */
export function testsIn(folder: string): ListedTest[] {
  const lines = textOf(join(folder, 'Makefile')).replaceAll('\\\n', ' ').split('\n');
  const names = lines.flatMap(
    (text) =>
      /^\s*TEST_GEN_PROGS(?:_EXTENDED)?\s*[:+?]?=\s*([^#]*)/
        .exec(text)?.[1]
        ?.split(/\s+/)
        .filter((name) => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) ?? [],
  );
  return [...new Set(names)].flatMap((name) => {
    const text = textOf(join(folder, `${name}.c`));
    return text === '' ? [] : [{ name, staged: /\bluo_test\s*\(/.test(text) }];
  });
}

/** Empty if there is no such file. A patch may have made a link of it, which leads anywhere. */
function textOf(path: string): string {
  if (regularFileProblem(path, { maxBytes: MAX_TEXT }) !== null) return '';
  return readRegularFileSync(path, { maxBytes: MAX_TEXT }).toString('utf8');
}

function checkTest(folder: string, kernel: string, test: string): void {
  const names = testsIn(folder).map(({ name }) => name);
  if (names.includes(test)) return;
  const near = nearest(test, names);
  throw new UsageError(
    names.length === 0
      ? `the source of kernel ${kernel} has no ${FOLDER}`
      : `the source of kernel ${kernel} has no test ${test}`,
    {
      hint:
        near === null
          ? names.length === 0
            ? null
            : `its tests: ${names.join(', ')}`
          : `did you mean ${near}? Its tests: ${names.join(', ')}`,
    },
  );
}

/** The few files that the tests are made of, with the patches of the kernel. */
async function copySources(
  { name, patches, overlay }: KernelDefinition,
  source: string,
  into: string,
  work: Workspace,
): Promise<void> {
  const inFolder = (folder: string, recursive: boolean) =>
    existsSync(join(source, folder))
      ? readdirSync(join(source, folder), { recursive, encoding: 'utf8' }).map((file) => `${folder}/${file}`)
      : [];
  const touched = [...touchedBy(patches), ...overlaid(overlay)];
  copyFiles(source, into, [...inFolder(FOLDER, true), ...inFolder(HEADERS, false), INTERFACE, ...touched]);
  for (const each of overlay) layOver(each, into);
  await applyPatches(patches, into, name, { work, task: `tests of ${name}` });
}

async function compile(
  confined: Pick<Confinement, 'command'>,
  test: string,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  // The one header that the host's kernel headers lack. The rest of the interface is as old as they are.
  mkdirSync(join(dir, 'include/linux'), { recursive: true });
  copyFileSync(join(dir, INTERFACE), join(dir, 'include/linux/liveupdate.h'));
  // Code that all tests share: luo_test_utils.c up to 7.2, lib/ from 7.3 on.
  const shared = ['luo_test_utils.c', 'lib/lu_utils.c']
    .map((file) => join(FOLDER, file))
    .filter((file) => existsSync(join(dir, file)));
  const include = ['include', FOLDER, `${FOLDER}/lib/include`, HEADERS].flatMap((path) => ['-I', path]);
  const argv = ['gcc', '-static', '-O2', '-w', ...include, '-o', test, `${FOLDER}/${test}.c`, ...shared];
  await mustRun(confined.command(argv), `cannot build ${test}`, {
    cwd: dir,
    signal,
    env: { PATH: programPath(), LC_ALL: 'C' },
  });
}
