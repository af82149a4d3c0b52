// SPDX-License-Identifier: Apache-2.0
// Caches of other versions of the lab are read; damaged files count as missing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImage, storedImages } from '../../../src/images/cache/read-image.js';
import { readStoredImage } from '../../../src/images/build/stored-image.js';
import { workspace } from '../folder.js';

/** As the first versions of the lab wrote it. */
const OLD = {
  schema: 1,
  name: '7.2.12',
  release: '7.2.12-lab',
  components: [{ name: 'memfd', version: 2 }],
  sha256: 'ab',
  size: 4,
  inputs: 'in',
  source: 'url',
  sourceId: 'id',
  compiler: 'gcc',
  builtAt: '2026-01-01T00:00:00.000Z',
  seconds: 1,
  notes: [],
};

function cacheWith(image: unknown) {
  const { cache } = workspace();
  const dir = cache.kernel('k');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'bzImage'), 'four');
  writeFileSync(join(dir, 'image.json'), typeof image === 'string' ? image : JSON.stringify(image));
  return { cache, dir };
}

describe('image.json', () => {
  it('of an older lab is read', () => {
    const { cache } = cacheWith(OLD);
    expect(storedImages(cache)).toEqual([['k', OLD]]);
    expect(readImage(cache, 'k')).toMatchObject({ name: '7.2.12', release: '7.2.12-lab' });
  });

  it('of a newer lab keeps what that lab added', () => {
    const { dir } = cacheWith({ ...OLD, listed: null, fetched: true, added: [1] });
    expect(readStoredImage(dir)).toEqual({ ...OLD, listed: null, fetched: true, added: [1] });
  });

  it.each([
    ['no JSON', '{"schema":1'],
    ['no object', 'null'],
    ['another schema', { ...OLD, schema: 2 }],
    ['notes that are no list', { ...OLD, notes: 'none' }],
    ['components without versions', { ...OLD, components: ['memfd'] }],
    ['no name', { ...OLD, name: undefined }],
  ])('counts as missing with %s', (_what, image) => {
    const { cache, dir } = cacheWith(image);
    expect(readStoredImage(dir)).toBeNull();
    expect(storedImages(cache)).toEqual([]);
    expect(readImage(cache, 'k')).toBeNull();
  });
});
