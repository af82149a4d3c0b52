// SPDX-License-Identifier: Apache-2.0
// S4: a kernel that another host offers gets its name from what it is made of, and replaces nothing that was made here.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findBuilt } from '../../../src/images/build/kernel.js';
import { inputsOf, keyWith } from '../../../src/images/build/keys.js';
import { keyOf, sha256 } from '../../../src/images/cache/cache.js';
import { readDefinition } from '../../../src/images/definition/definition.js';
import { originPath } from '../../../src/images/source/source.js';
import { takeKernel } from '../../../src/images/transfer/archive.js';
import { tarOf } from '../../util/archive/make-tar.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { folderWith, workspace } from '../folder.js';

const COMPILER = 'gcc of another host';
const SOURCE = 'archive-of-9';

function lab() {
  const dir = folderWith({ 'a.config': 'CONFIG_A=y\n', 'b.config': 'CONFIG_B=y\n' });
  const define = (name: string, version: string) => {
    const path = join(dir, `${name}.yaml`);
    const source = `{kind: url, url: "https://example.org/linux-${version}.tar.xz", sha256: "${'0'.repeat(64)}"}`;
    writeFileSync(path, `sources:\n  - ${source}\nconfig: [./${name}.config]\n`);
    return { path, definition: readDefinition(path) };
  };
  const work = workspace();
  const context = { cacheDir: work.cache.dir, signal: work.signal, onProgress: () => undefined };
  return { work, context, define };
}

type Lab = ReturnType<typeof lab>;
type Defined = ReturnType<Lab['define']>;

/** What an honest host would offer, and what an attacker changes of it. */
function offerOf({ definition }: Defined, change: { image?: object; key?: string; bzImage?: Buffer } = {}) {
  const bzImage = change.bzImage ?? fakeBzImage({ release: '9.0.0-lab' });
  const inputs = inputsOf(definition, SOURCE);
  const image = {
    schema: 1,
    name: definition.name,
    release: '9.0.0-lab',
    components: [],
    listed: null,
    notes: [],
    sha256: sha256(bzImage),
    size: bzImage.length,
    inputs,
    source: 'url',
    sourceId: SOURCE,
    compiler: COMPILER,
    builtAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
    ...change.image,
  };
  const contents = { bzImage, 'image.json': Buffer.from(JSON.stringify(image)) };
  const entries = Object.entries(contents).map(([path, data]) => ({ path, data }));
  return {
    key: change.key ?? keyWith(image.inputs, image.compiler),
    files: entries.map(({ path, data }) => ({ name: path, size: data.length, sha256: sha256(data) })),
    // The receiver of an older lab asks for these.
    sha256: image.sha256,
    origin: { index: 0, id: image.sourceId },
    data: async function* data() {
      yield gzipSync(tarOf(entries));
    },
  };
}

/** A kernel that this host built itself. */
function builtHere(
  { work }: Lab,
  { definition }: Defined,
  compiler = 'gcc of this host',
): { key: string; path: string } {
  const inputs = inputsOf(definition, SOURCE);
  const key = keyOf([inputs, compiler]);
  const dir = work.cache.kernel(key);
  mkdirSync(dir, { recursive: true });
  const bzImage = fakeBzImage({ release: '9.0.0-own' });
  writeFileSync(join(dir, 'bzImage'), bzImage);
  const image = {
    schema: 1,
    name: definition.name,
    release: '9.0.0-own',
    components: [],
    listed: null,
    notes: [],
    sha256: sha256(bzImage),
    size: bzImage.length,
    inputs,
    source: 'url',
    sourceId: SOURCE,
    compiler,
    builtAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
  };
  writeFileSync(join(dir, 'image.json'), JSON.stringify(image));
  return { key, path: join(dir, 'image.json') };
}

describe('S4: a kernel from another host', () => {
  it('is taken under the key that this host computes, and found without its source', async () => {
    const box = lab();
    const kernel = box.define('a', '9');
    await takeKernel(kernel.path, offerOf(kernel), box.context);
    const found = await findBuilt(kernel.definition, box.work);
    expect(found).toMatchObject({ release: '9.0.0-lab', name: 'a' });
    expect(found?.cacheDir).toBe(box.work.cache.kernel(keyWith(inputsOf(kernel.definition, SOURCE), COMPILER)));
    // Nothing that it said of its source counts for a build here.
    expect(() => readFileSync(originPath(kernel.definition, box.work))).toThrow(/ENOENT/);
    // Another source with the same configuration is another kernel.
    const other = box.define('a', '10');
    expect(await findBuilt(other.definition, box.work)).toBeNull();
  });

  it('under the key of one that was built here is refused, and that one stays', async () => {
    const box = lab();
    const own = builtHere(box, box.define('a', '9'));
    const before = readFileSync(own.path);
    const wanted = box.define('b', '9');
    await expect(takeKernel(wanted.path, offerOf(wanted, { key: own.key }), box.context)).rejects.toThrow(
      /b\.yaml was offered under the key [0-9a-f]{32}, but what it is made of has [0-9a-f]{32}/,
    );
    expect(readFileSync(own.path)).toEqual(before);
    expect(await findBuilt(wanted.definition, box.work)).toBeNull();
  });

  it('never replaces the same kernel that was built here', async () => {
    const box = lab();
    const kernel = box.define('a', '9');
    const own = builtHere(box, kernel, COMPILER);
    const before = readFileSync(own.path);
    await expect(takeKernel(kernel.path, offerOf(kernel), box.context)).rejects.toThrow(/was built here/);
    expect(readFileSync(own.path)).toEqual(before);
  });

  it.each<[string, Parameters<typeof offerOf>[1], RegExp]>([
    ['made of other inputs', { image: { inputs: 'f'.repeat(32) } }, /built from other inputs/],
    ['of another source', { image: { sourceId: 'other' } }, /built from other inputs/],
    ['whose source is a path', { image: { sourceId: '../../..' } }, /an invalid source/],
    ['with another checksum', { image: { sha256: '0'.repeat(64) } }, /changed on its way/],
    ['without a description', { image: { schema: 7 } }, /without its description/],
  ])('%s is refused, and nothing of it stays', async (_what, change, said) => {
    const box = lab();
    const kernel = box.define('a', '9');
    await expect(takeKernel(kernel.path, offerOf(kernel, change), box.context)).rejects.toThrow(said);
    expect(await findBuilt(kernel.definition, box.work)).toBeNull();
  });

  it('with another file than was signed is refused', async () => {
    const box = lab();
    const kernel = box.define('a', '9');
    const bad = offerOf(kernel, { bzImage: fakeBzImage({ release: '9.0.0-bad' }) });
    await expect(takeKernel(kernel.path, { ...offerOf(kernel), data: () => bad.data() }, box.context)).rejects.toThrow(
      /bzImage with (?:another SHA-256|\d+ bytes)/,
    );
  });
});

it('S4: a kernel in the cache under a key that it does not have is not used', async () => {
  const box = lab();
  const kernel = box.define('a', '9');
  const { path } = builtHere(box, kernel, 'some compiler');
  const image: unknown = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...(image as object), compiler: 'another', fetched: true, fetchedFor: 'x' }));
  mkdirSync(join(box.work.cache.dir, 'origins'), { recursive: true });
  writeFileSync(originPath(kernel.definition, box.work), JSON.stringify({ index: 0, id: SOURCE }));
  expect(await findBuilt(kernel.definition, box.work)).toBeNull();
});
