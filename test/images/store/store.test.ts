// SPDX-License-Identifier: Apache-2.0
// Images go from one cache to another through a store, and nothing that is damaged or of another kernel is taken.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ensureKernel, findBuilt } from '../../../src/images/build/kernel.js';
import { definitionKey } from '../../../src/images/build/keys.js';
import { writeJson } from '../../../src/images/cache/cache.js';
import { coreOf } from '../../../src/images/definition/core.js';
import { type KernelDefinition, readDefinition } from '../../../src/images/definition/definition.js';
import { originPath } from '../../../src/images/source/source.js';
import { entryPath } from '../../../src/images/store/manifest.js';
import { openBackend } from '../../../src/images/store/open.js';
import { pullKernel } from '../../../src/images/store/pull.js';
import { pushKernel } from '../../../src/images/store/push.js';
import { ImageStore } from '../../../src/images/store/store.js';
import { tryStore } from '../../../src/images/store/try-store.js';
import { folderWith, temporaryFolder } from '../folder.js';
import { definition, emptyCache, fullCache, SOURCE_ID } from './box.js';
import { serve } from './server.js';

/** A folder that holds the kernel, and the name of its index entry. */
async function filled() {
  const kernel = definition();
  const from = await fullCache(kernel);
  const folder = temporaryFolder();
  const pushed = await pushKernel(kernel, new ImageStore(openBackend(folder), from), from);
  return { kernel, from, folder, pushed, entry: join(folder, entryPath('kernel', definitionKey(kernel))) };
}

/** Pulls as a run does; returns what the user reads. */
async function pulled(kernel: ReturnType<typeof definition>, address: string, into = emptyCache(address)) {
  const taken = await tryStore('kernel k', into, (store) => pullKernel(kernel, store, into));
  return { taken, image: await findBuilt(kernel, into), notes: into.notes, into };
}

const objectsIn = (folder: string) =>
  readdirSync(join(folder, 'objects'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('a store in a folder', () => {
  it('takes a kernel and gives it to an empty cache, with the facts that the files tell', async () => {
    const { kernel, from, folder, pushed } = await filled();
    expect(pushed).toMatchObject({ state: 'pushed' });
    const { taken, image, notes } = await pulled(kernel, folder);
    const built = await findBuilt(kernel, from);
    expect({ taken, notes }).toEqual({ taken: true, notes: [] });
    const { cacheDir, bzImage, vmlinux, config, systemMap, ...facts } = built ?? ({} as never);
    expect(image).toMatchObject({ ...facts, from: folder });
    expect(readFileSync(image?.vmlinux ?? '')).toEqual(readFileSync(vmlinux ?? ''));
    expect([cacheDir, bzImage, config, systemMap]).not.toContain(null);
  });

  it('sends nothing twice, and two writers at once leave a whole store', async () => {
    const { kernel, from, folder } = await filled();
    const again = () => pushKernel(kernel, new ImageStore(openBackend(folder), from), from);
    expect(await again()).toEqual({ state: 'pushed', bytes: 0 });
    const empty = temporaryFolder();
    const push = () => pushKernel(kernel, new ImageStore(openBackend(empty), from), from);
    await Promise.all([push(), push(), push()]);
    expect(objectsIn(empty)).toHaveLength(4);
    expect((await pulled(kernel, empty)).taken).toBe(true);
  });

  it('that lacks the kernel is one line', async () => {
    const folder = temporaryFolder();
    const { taken, notes } = await pulled(definition(), folder);
    expect({ taken, notes }).toEqual({ taken: false, notes: [`the image store ${folder} has no kernel k`] });
  });

  it('that is not there is one line', async () => {
    const { taken, notes } = await pulled(definition(), '/nowhere/store');
    expect(taken).toBe(false);
    expect(notes).toEqual([
      expect.stringMatching(/^the image store \/nowhere\/store cannot provide kernel k: .*ENOENT/),
    ]);
  });

  it.each<[string, (paths: { objects: string[]; entry: string }) => void, RegExp]>([
    ['a damaged file', ({ objects }) => objects.forEach((path) => spoil(path)), /is damaged: its SHA-256 is another/],
    ['a truncated file', ({ objects }) => objects.forEach((path) => truncateSync(path, 0)), /is cut off: 0 of \d+/],
    ['a longer file', ({ objects }) => objects.forEach((path) => spoil(path, 'more')), /sends more than the \d+ bytes/],
    ['an entry that is no JSON', ({ entry }) => writeFileSync(entry, '{'), /is not an index entry/],
    ['an entry of 1 MiB', ({ entry }) => writeFileSync(entry, ' '.repeat(1 << 20)), /sends more than the 65536 bytes/],
    ['an entry with a path', ({ entry }) => edit(entry, '"bzImage"', '"../x"'), /its index names no bzImage/],
    ['an entry that names no source', ({ entry }) => edit(entry, SOURCE_ID, '../x'), /is not an index entry/],
  ])('%s is one line, and nothing is taken', async (_name, damage, message) => {
    const { kernel, folder, entry } = await filled();
    damage({ objects: objectsIn(folder), entry });
    const { taken, image, notes, into } = await pulled(kernel, folder);
    expect({ taken, image }).toEqual({ taken: false, image: null });
    expect(notes).toEqual([expect.stringMatching(message)]);
    expect(existsSync(into.cache.kernels()) ? readdirSync(into.cache.kernels()) : []).toEqual([]);
  });

  it('a kernel of another content of the source is not taken', async () => {
    const { kernel, folder } = await filled();
    const into = emptyCache(folder);
    writeJson(originPath(kernel, into), { index: 0, id: 'b'.repeat(32) });
    const { taken, notes } = await pulled(kernel, folder, into);
    expect(taken).toBe(false);
    expect(notes[0]).toMatch(/built from another content of the source/);
    writeJson(originPath(kernel, into), { index: 0, id: SOURCE_ID });
    expect((await pulled(kernel, folder, into)).taken).toBe(true);
  });

  it('an index entry of another definition is not that of this one: its key is computed here', async () => {
    const { kernel, folder } = await filled();
    writeFileSync(kernel.config[0] ?? '', 'CONFIG_A=n\n');
    const { notes } = await pulled(kernel, folder);
    expect(notes).toEqual([expect.stringMatching(/has no kernel k$/)]);
  });
});

describe('a run that a small variant serves', () => {
  const YAML =
    'sources:\n  - {kind: url, url: "http://127.0.0.1:1/linux.tar", sha256: ' +
    `'${'0'.repeat(64)}'}\nconfig: [./a.config]\ncore: [./b.config]\n`;
  const file = () => {
    const dir = folderWith({ 'a.config': 'CONFIG_A=y\n', 'b.config': 'CONFIG_B=y\n', 'k.yaml': YAML });
    return readDefinition(join(dir, 'k.yaml'));
  };
  const small = (kernel: KernelDefinition) => coreOf(kernel) ?? kernel;

  it('takes it without a word about the full kernel, which the store lacks', async () => {
    const kernel = file();
    const from = await fullCache(small(kernel));
    const folder = temporaryFolder();
    await pushKernel(small(kernel), new ImageStore(openBackend(folder), from), from);
    const into = emptyCache(folder);
    const context = { ...into, cacheDir: into.cache.dir };
    expect(await ensureKernel(kernel.file, context, 'core')).toMatchObject({
      name: kernel.file,
      variant: 'core',
      from: folder,
    });
    expect(into.notes).toEqual([]);
  });

  it('reads one line if the store has neither', async () => {
    const folder = temporaryFolder();
    const into = emptyCache(folder);
    const context = { ...into, cacheDir: into.cache.dir };
    await expect(ensureKernel(file().file, context, 'core')).rejects.toThrow();
    expect(into.notes).toEqual([`the image store ${folder} has no kernel k, full or small`]);
  });
});

describe('a store behind a web server', () => {
  it('takes a kernel by PUT and gives it by GET; a password is sent and never shown', async () => {
    const kernel = definition();
    const from = await fullCache(kernel);
    const server = await serve();
    const address = server.address.replace('http://', 'http://me:secret@');
    await pushKernel(kernel, new ImageStore(openBackend(address), from), from);
    const { taken, image, notes } = await pulled(kernel, address);
    expect({ taken, notes }).toEqual({ taken: true, notes: [] });
    expect(image?.from).toBe(`${server.address}/`);
    expect(new Set(server.requests.map(({ authorization }) => authorization))).toEqual(
      new Set([`Basic ${Buffer.from('me:secret').toString('base64')}`]),
    );
  });

  it('that has no PUT says so, and what to do', async () => {
    const kernel = definition();
    const from = await fullCache(kernel);
    const { address } = await serve('no put');
    await expect(pushKernel(kernel, new ImageStore(openBackend(address), from), from)).rejects.toMatchObject({
      message: 'the server takes no PUT (HTTP status 405)',
      hint: expect.stringContaining('--store FOLDER'),
    });
  });

  it('that fails, ends early or is gone is one line', async () => {
    const server = await serve();
    server.fault = (_request, response) => (response.writeHead(500).end(), true);
    expect((await pulled(definition(), server.address)).notes).toEqual([
      `the image store ${server.address}/ cannot provide kernel k: it answers with HTTP status 500`,
    ]);
    const early = await serve();
    early.fault = (_request, response) => (
      response.writeHead(200, { 'content-length': 100 }).write('{'),
      response.destroy(),
      true
    );
    expect((await pulled(definition(), early.address)).notes).toHaveLength(1);
    expect((await pulled(definition(), 'http://127.0.0.1:1/')).notes).toEqual([
      expect.stringMatching(/cannot provide kernel k: cannot reach it: /),
    ]);
  });

  it('that sends nothing is given up, and not asked again', async () => {
    const server = await serve();
    server.fault = () => true;
    const into = emptyCache(server.address);
    const impatient = new ImageStore(openBackend(server.address), into, { silenceMs: 50, fileMs: 10_000 });
    await expect(pullKernel(definition(), impatient, into)).rejects.toThrow('it is too slow: nothing came for 0.05 s');
    expect(impatient.unanswered).toBe(true);
    server.fault = (_request, response) => (response.destroy(), true);
    await pulled(definition(), server.address, into);
    const asked = server.requests.length;
    await pulled(definition(), server.address, into);
    expect(server.requests.length).toBe(asked);
  });
});

describe('a store in S3', () => {
  it('is reached through the client of the host', async () => {
    const bucket = temporaryFolder();
    const bin = temporaryFolder();
    mkdirSync(join(bucket, 'my-bucket'));
    writeFileSync(join(bin, 'aws'), STAND_IN.replaceAll('BUCKETS', bucket));
    chmodSync(join(bin, 'aws'), 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    const kernel = definition();
    const from = await fullCache(kernel);
    const address = 's3://my-bucket/lab/images';
    expect((await pulled(kernel, address)).notes).toEqual([`the image store ${address} has no kernel k`]);
    await pushKernel(kernel, new ImageStore(openBackend(address), from), from);
    expect(existsSync(join(bucket, 'my-bucket/lab/images/index/kernel'))).toBe(true);
    const { taken, image } = await pulled(kernel, address);
    expect({ taken, from: image?.from }).toEqual({ taken: true, from: address });
    writeFileSync(join(bin, 'aws'), '#!/bin/sh\necho "fatal error: Access Denied" >&2\nexit 1\n');
    expect((await pulled(kernel, address)).notes).toEqual([
      `the image store ${address} cannot provide kernel k: aws ended with 1: fatal error: Access Denied`,
    ]);
    vi.unstubAllEnvs();
  });
});

/** Does what `aws s3 cp` does with an object, for objects in a folder. */
const STAND_IN = `#!/bin/sh
[ "$1 $2 $3" = "s3 cp --only-show-errors" ] || exit 9
case "$4" in
s3://*) f="BUCKETS/\${4#s3://}"
  [ -f "$f" ] || { echo 'fatal error: An error occurred (404) when calling the HeadObject operation' >&2; exit 1; }
  [ "$5" = - ] && exec cat "$f" ;;
*) f="BUCKETS/\${5#s3://}"; mkdir -p "$(dirname "$f")"; exec cp "$4" "$f" ;;
esac
`;

it.each(['ftp://host/x', 's3://', 's3://-/x'])('%s is no address of a store', (address) => {
  expect(() => openBackend(address)).toThrow(/expected/);
});

function spoil(path: string, more = ''): void {
  const data = readFileSync(path);
  if (more === '') data[0] = (data[0] ?? 0) ^ 1;
  writeFileSync(path, Buffer.concat([data, Buffer.from(more)]));
}

function edit(path: string, from: string, to: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
}
