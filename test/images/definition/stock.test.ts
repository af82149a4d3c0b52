// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { isStock } from '../../../src/images/definition/stock.js';
import { folderWith } from '../folder.js';

afterEach(() => vi.unstubAllEnvs());

const built = (name: string) => isStock({ name, cacheDir: '/cache/kernels/1' });

it("takes a distribution's source with the lab's own patches for upstream's", () => {
  expect(built('7.3.4')).toBe(true);
  expect(built('7.3.4-object-early')).toBe(true);
  expect(built('7.3.4-luo-v6')).toBe(true);
});

it('knows nothing of ready-made files, of other sources, and of other patches', () => {
  const dir = folderWith({
    'my.patch': '',
    'patched.yaml': 'base: 7.3.4\npatches: [my.patch]\n',
    'configured.yaml': 'base: 7.3.4\n',
    'tree.yaml': 'sources:\n  - {kind: directory, path: /tmp}\n',
  });
  vi.stubEnv('LAB_IMAGES', dir);
  expect(built('configured')).toBe(true);
  expect(built('patched')).toBe(false);
  expect(built('tree')).toBe(false);
  expect(built('there-is-none')).toBe(false);
  expect(built(join(dir, 'bzImage'))).toBe(false);
  expect(isStock({ name: '7.3.4', cacheDir: null })).toBe(false);
});
