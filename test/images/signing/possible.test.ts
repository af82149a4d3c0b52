// SPDX-License-Identifier: Apache-2.0
// What a signature needs of the kernels is said before anything starts.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasPeHeader } from '../../../src/images/binary/bzimage.js';
import { trustsBuildKey } from '../../../src/images/signing/keys.js';
import { problemsOfSigning } from '../../../src/images/signing/possible.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { folderWith } from '../folder.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { fakePe } from './make-pe.js';

function kernel(name: string, files: Record<string, Buffer | string>, more: Partial<KernelImage> = {}): KernelImage {
  const cacheDir = folderWith(files);
  return { name, cacheDir, bzImage: join(cacheDir, 'bzImage'), ...more } as KernelImage;
}

const kernels = () => ({
  whole: kernel('whole', { bzImage: fakePe(), 'signing_key.pem': 'key' }),
  plain: kernel('plain', { bzImage: fakeBzImage() }),
  pulled: kernel('pulled', { bzImage: fakePe() }, { from: '/srv/images' }),
});
const said = (by: 'trusted' | 'stranger', ...kernels: KernelImage[]) =>
  problemsOfSigning(by, kernels).map(({ message }) => message);

describe('a signature', () => {
  it('needs the key that the running kernel trusts, and a next kernel that is a PE file', () => {
    const { whole, plain } = kernels();
    expect(said('trusted', whole, whole)).toEqual([]);
    expect(said('trusted', plain, whole)).toEqual(['the lab has no key that kernel plain trusts']);
    expect(said('trusted', whole, plain, plain)).toEqual([
      'kernel plain cannot be signed: it is built without CONFIG_EFI_STUB, so its image is no PE file',
      'the lab has no key that kernel plain trusts',
    ]);
  });

  it('of a stranger needs no such key', () => {
    const { whole, plain } = kernels();
    expect(said('stranger', plain, whole)).toEqual([]);
  });

  it('is impossible for a kernel of a store, which has no keys', () => {
    const { whole, pulled } = kernels();
    expect(problemsOfSigning('trusted', [pulled, whole])[0]?.hint).toContain('lab images rm pulled');
  });
});

describe('the header of a PE file', () => {
  it.each<[string, Buffer, boolean]>([
    ['there', fakePe(), true],
    ['not there', fakeBzImage(), false],
    ['behind the end', Buffer.from(`MZ${'\0'.repeat(58)}\xff\xff\xff\xff`, 'latin1'), false],
    ['cut off', Buffer.from('MZ'), false],
  ])('%s', (_, content, is) => expect(hasPeHeader(join(folderWith({ f: content }), 'f'))).toBe(is));
});

it('a kernel trusts the key of its build only if it checks modules', () => {
  expect(trustsBuildKey('CONFIG_MODULE_SIG=y\n')).toBe(true);
  expect(trustsBuildKey('# CONFIG_MODULE_SIG is not set\n')).toBe(false);
});
