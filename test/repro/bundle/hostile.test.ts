// SPDX-License-Identifier: Apache-2.0
// Bundles of an attacker: each is refused with a message, nothing is written outside its folder, and no file stays.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { MANIFEST } from '../../../src/repro/bundle/manifest.js';
import { openBundle } from '../../../src/repro/bundle/open.js';
import { packBundle } from '../../../src/repro/bundle/pack.js';
import { resultOf } from '../../report/result.js';
import { temporaryFolder } from '../../util/temporary.js';

const RESULT = resultOf('panic');

type Type = 'File' | 'SymbolicLink' | 'Link' | 'Directory' | 'CharacterDevice' | 'FIFO';

interface Entry {
  path: string;
  data?: string | Buffer;
  type?: Type;
  linkpath?: string;
  mode?: number;
  /** Instead of the length of the data. */
  size?: number;
}

function tar(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ path, data = '', type = 'File', linkpath = '', mode = 0o644, size }) => {
    const bytes = Buffer.from(data);
    const header = new Header({
      path,
      mode,
      size: size ?? bytes.length,
      type,
      linkpath,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
    });
    header.encode();
    return [header.block as Buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const SCENARIO =
  'from: 7.2.12\nto: 7.3.4\nsessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\nexpect: preserved\n';

/** The files of a sound bundle, its manifest first. */
function sound(files: Record<string, string | Buffer> = {}, more: object = {}): Entry[] {
  const all: Record<string, string | Buffer> = {
    'run/result.json': JSON.stringify(RESULT),
    'run/scenario.yaml': SCENARIO,
    ...files,
  };
  const named = Object.entries(all).map(([path, data]) => ({
    path,
    size: Buffer.byteLength(data),
    sha256: sha256(data),
  }));
  return [
    { path: MANIFEST, data: JSON.stringify({ schema: 1, run: RESULT.id, lab: '0', files: named, ...more }) },
    ...Object.entries(all).map(([path, data]) => ({ path, data })),
  ];
}

function written(bytes: Buffer): string {
  const path = join(temporaryFolder(), 'x.lab.tar.gz');
  writeFileSync(path, bytes);
  return path;
}

// Its own: another process may open bundles in the common one meanwhile.
const TMP = mkdtempSync(join(tmpdir(), 'lab-hostile-'));
vi.stubEnv('TMPDIR', TMP);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(TMP, { recursive: true, force: true });
});
const leftovers = () => readdirSync(TMP).filter((name) => name.startsWith('lab-bundle-')).length;

async function refused(bytes: Buffer, maxBytes?: number): Promise<string> {
  const before = leftovers();
  const path = written(bytes);
  const why = await openBundle(path, { trust: false, maxBytes }).then(
    (bundle) => {
      bundle.close();
      return 'it was opened';
    },
    (error: Error & { detail?: string | null }) => `${error.message}\n${error.detail ?? ''}`,
  );
  expect(leftovers()).toBe(before);
  return why;
}

it('a sound one is opened, as files of this user alone, and goes when it is closed', async () => {
  const bundle = await openBundle(
    written(gzipSync(tar(sound({ 'run/console.log': 'hello' }).map((entry) => ({ ...entry, mode: 0o6777 }))))),
    { trust: false },
  );
  expect(readFileSync(join(bundle.run, 'console.log'), 'utf8')).toBe('hello');
  bundle.close();
  expect(existsSync(bundle.run)).toBe(false);
});

describe('refused is', () => {
  const cases: [string, () => Buffer | string, string][] = [
    ['a path that leads out', () => tar(sound({ '../../evil': 'x' })), 'files.2.path: not a path of a bundle'],
    [
      'a path that leads out and is not named',
      () => tar([...sound(), { path: '../evil', data: 'x' }]),
      'does not list',
    ],
    ['an absolute path', () => tar(sound({ '/etc/cron.d/evil': 'x' })), 'path'],
    ['a hidden file', () => tar(sound({ 'run/.bashrc': 'x' })), 'path'],
    ['a file in a folder of its own', () => tar(sound({ 'run/a/b': 'x' })), 'path'],
    ['a path with a NUL and a line break', () => tar(sound({ 'run/a\n\0b': 'x' })), 'path'],
    [
      'a symbolic link',
      () => tar([...sound(), { path: 'run/link', type: 'SymbolicLink', linkpath: '/etc/passwd' }]),
      'SymbolicLink',
    ],
    [
      'a symbolic link in the place of a named file',
      () =>
        tar(
          sound({ 'run/agent.jsonl': 'x' }).map((entry) =>
            entry.path === 'run/agent.jsonl'
              ? { path: entry.path, type: 'SymbolicLink', linkpath: '/etc/passwd' }
              : entry,
          ),
        ),
      'SymbolicLink',
    ],
    [
      'a hard link',
      () => tar([...sound(), { path: 'run/link', type: 'Link', linkpath: 'run/result.json' }]),
      'it holds a Link',
    ],
    ['a folder', () => tar([...sound(), { path: 'run/', type: 'Directory' }]), 'Directory'],
    ['a device', () => tar([...sound(), { path: 'run/sda', type: 'CharacterDevice' }]), 'CharacterDevice'],
    ['a pipe', () => tar([...sound(), { path: 'run/pipe', type: 'FIFO' }]), 'FIFO'],
    ['a file twice', () => tar([...sound(), { path: 'run/scenario.yaml', data: SCENARIO }]), 'holds it twice'],
    [
      'a file that is named twice',
      () => tar(sound({}, { files: [1, 2].map(() => ({ path: 'run/a', size: 0, sha256: sha256('') })) })),
      'listed twice',
    ],
    [
      'a file that has changed',
      () =>
        tar(
          sound().map((entry) =>
            entry.path === 'run/scenario.yaml' ? { ...entry, data: SCENARIO.replace('4KiB', '8KiB') } : entry,
          ),
        ),
      'has changed since',
    ],
    [
      'a file of another size',
      () =>
        tar(sound().map((entry) => (entry.path === 'run/scenario.yaml' ? { ...entry, data: `${SCENARIO}#` } : entry))),
      'instead of',
    ],
    ['a file that is missing', () => tar(sound().slice(0, -1)), 'run/scenario.yaml is missing'],
    ['no manifest', () => tar(sound().slice(1)), 'its first file is not bundle.json'],
    ['an empty archive', () => tar([]), 'Unrecognized archive format'],
    ['a manifest that is no JSON', () => tar([{ path: MANIFEST, data: 'x' }]), 'bundle.json'],
    ['a manifest with more than it has', () => tar(sound({}, { script: 'rm -rf /' })), 'script'],
    ['a manifest of a newer lab', () => tar(sound({}, { schema: 2 })), 'schema'],
    ['a huge manifest', () => tar([{ path: MANIFEST, size: 2 ** 30 }]), 'bundle.json has 1073741824 bytes'],
    [
      'more files than any has',
      () =>
        tar(
          sound(
            {},
            { files: Array.from({ length: 600 }, (_, i) => ({ path: `run/f${i}`, size: 0, sha256: sha256('') })) },
          ),
        ),
      'files',
    ],
    [
      'files of more than there may be',
      () => tar(sound({}, { files: [1, 2, 3].map((i) => ({ path: `run/f${i}`, size: 2 ** 31, sha256: sha256('') })) })),
      'more than 4294967296 bytes in all',
    ],
    [
      'another run than its manifest says',
      () => tar(sound({}, { run: 'other' })),
      'another run than its manifest says',
    ],
    ['no run', () => tar(sound({ 'run/result.json': '{}' })), 'its run cannot be used'],
    ['a result of a newer lab', () => tar(sound({ 'run/result.json': '{"schema":99}' })), 'use the lab that wrote it'],
    ['a scenario that is none', () => tar(sound({ 'run/scenario.yaml': 'from: [' })), 'scenario'],
    [
      'a scenario with QEMU options',
      () => tar(sound({ 'run/scenario.yaml': `${SCENARIO}machine: {qemuArgs: [-drive, "file=/etc/shadow"]}\n` })),
      'file=/etc/shadow',
    ],
    [
      'a scenario that uploads files of this host',
      () =>
        tar(
          sound({
            'run/scenario.yaml':
              'from: 7.2.12\nto: 7.3.4\nsteps: [{upload: {from: /etc/shadow, to: /x}}, kexec]\nexpect: lost\n',
          }),
        ),
      '/etc/shadow',
    ],
    [
      'a kernel at a path of this host',
      () =>
        tar(
          sound({
            'run/result.json': JSON.stringify({
              ...RESULT,
              kernels: RESULT.kernels.map((kernel) => ({ ...kernel, name: '/root/x.yaml' })),
            }),
          }),
        ),
      'a kernel at a path of this host: "/root/x.yaml"',
    ],
  ];
  it.each(cases)('%s', async (_, make, why) => {
    expect(await refused(gzipSync(make()))).toContain(why);
  });

  it('what is cut short, at any place', { timeout: 60_000 }, async () => {
    const whole = gzipSync(tar(sound({ 'run/console.log': Buffer.alloc(20_000, 'abc') })));
    for (let length = 0; length < whole.length - 8; length += 97)
      expect(await refused(whole.subarray(0, length)), String(length)).not.toBe('it was opened\n');
  });

  it('what is damaged, at any place', { timeout: 60_000 }, async () => {
    const whole = tar(sound({ 'run/console.log': 'x'.repeat(600) }));
    for (let at = 0; at < whole.length - 1024; at += 61) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x5a;
      // A mode or a time counts for nothing, nor does what follows the end of a name; everything else is found.
      const why = await refused(gzipSync(bytes));
      const nameEnd = whole.indexOf(0, at - (at % 512)) % 512;
      if (why === 'it was opened') expect(at % 512, String(at)).toBeGreaterThan(nameEnd);
    }
  });

  it('no gzip, or noise', async () => {
    expect(await refused(Buffer.from('hello'))).toContain('incorrect header');
    expect(await refused(gzipSync(Buffer.alloc(10_000, 7)))).toContain('not a usable bundle');
  });

  it.each([1, 3, 20])(
    'nothing for %i MiB behind the end of the archive: that is opened or refused, and at once',
    { timeout: 10_000 },
    async (mib) => {
      const path = written(Buffer.concat([gzipSync(tar(sound())), gzipSync(Buffer.alloc(mib << 20), { level: 1 })]));
      await openBundle(path, { trust: false }).then(
        (bundle) => bundle.close(),
        () => undefined,
      );
    },
  );

  it('one that unpacks to more than it announces, behind the end of its archive', async () => {
    const bomb = Buffer.concat([gzipSync(tar(sound())), gzipSync(Buffer.alloc(64 << 20), { level: 1 })]);
    expect(await refused(bomb, 1 << 20)).toContain('more than its manifest says');
  });
});

describe('what the lab packs', () => {
  const run = () => {
    const folder = join(temporaryFolder(), RESULT.id);
    mkdirSync(folder);
    for (const [name, data] of Object.entries({
      'result.json': JSON.stringify(RESULT),
      'scenario.yaml': SCENARIO,
      'memory-jump-0.gz': 'j',
      'memory-end-1.gz': 'e',
    }))
      writeFileSync(join(folder, name), data);
    symlinkSync('/etc/passwd', join(folder, 'link'));
    return folder;
  };
  const options = {
    labVersion: '0',
    memory: false,
    kernels: true,
    symbols: false,
    signal: new AbortController().signal,
  };

  it('it opens: plain files alone, of memory what was handed over, kernels by content', async () => {
    const folder = run();
    const output = join(folder, '../x.lab.tar.gz');
    const bzImage = join(folder, '../bzImage');
    writeFileSync(bzImage, 'kernel');
    const image = {
      name: 'k',
      release: null,
      bzImage,
      vmlinux: null,
      config: null,
      systemMap: null,
      components: [],
      listed: null,
      versions: [],
      known: false,
      notes: [],
      sha256: sha256('kernel'),
      cacheDir: null,
    };
    const packed = await packBundle(folder, [image], { ...options, output });
    expect(packed.files.map(({ path }) => path)).toEqual([
      'run/memory-jump-0.gz',
      'run/result.json',
      'run/scenario.yaml',
      `kernels/${sha256('kernel')}/bzImage`,
    ]);
    expect(readdirSync(join(folder, '..')).sort()).toEqual([RESULT.id, 'bzImage', 'x.lab.tar.gz'].sort());
    const bundle = await openBundle(output, { trust: false });
    expect(readFileSync(bundle.kernelFiles(sha256('kernel'))?.bzImage ?? '', 'utf8')).toBe('kernel');
    expect(bundle.kernelFiles(sha256('other'))).toBeNull();
    bundle.close();
    await expect(packBundle(folder, [], { ...options, output })).rejects.toThrow('already exists');
  });

  it('given up, it leaves nothing', async () => {
    const folder = run();
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(
      packBundle(folder, [], { ...options, output: join(folder, '../x.lab.tar.gz'), signal: stop.signal }),
    ).rejects.toThrow('stopped');
    expect(readdirSync(join(folder, '..'))).toEqual([RESULT.id]);
  });
});
