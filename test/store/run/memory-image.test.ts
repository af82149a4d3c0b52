// SPDX-License-Identifier: Apache-2.0
// Memory images in files: what is written can be read, and an invalid file is refused quickly with a reason.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ImageHead } from '../../../src/model/result/memory-image.js';
import { usedPages } from '../../../src/run/update/keep-memory.js';
import { IMAGE_NAME, imageName, readMemoryImage, writeMemoryImage } from '../../../src/store/run/memory-image.js';
import { FakeMemory } from '../../qemu/fake-memory.js';
import { temporaryFolder } from '../../util/temporary.js';

const PAGE = 4096;
const HEAD: ImageHead = { moment: 'end', epoch: 1, root: 0x10000, pages: 'used', ranges: [[0, 16 << 20]] };
const never = new AbortController().signal;
const fresh = () => join(temporaryFolder(), 'image.gz');

function machine(): FakeMemory {
  const memory = new FakeMemory(16 << 20);
  for (const pfn of [0, 1, 7, 1023, 1024, 1025, 4095])
    memory.write(
      pfn * PAGE,
      Uint8Array.from({ length: PAGE }, (_, i) => (pfn + i) & 0xff),
    );
  return memory;
}

async function written(head: ImageHead = HEAD, most?: number): Promise<string> {
  const path = fresh();
  await writeMemoryImage(path, head, usedPages(machine()), never, most);
  return path;
}

describe('an image', () => {
  it('has every used page, and zeros elsewhere', async () => {
    const image = readMemoryImage(await written());
    expect(image.head).toEqual(HEAD);
    expect(image.cut).toBe(false);
    expect([...image.pages()].map(({ phys }) => phys / PAGE)).toEqual([0, 1, 7, 1023, 1024, 1025, 4095]);
    const [seen, real] = [new Uint8Array(3 * PAGE), new Uint8Array(3 * PAGE)];
    for (const phys of [0, 6 * PAGE, 1022 * PAGE + 5, 4090 * PAGE]) {
      expect(image.read(phys, seen)).toBe(true);
      machine().read(phys, real);
      expect(seen).toEqual(real);
    }
    expect(image.read((16 << 20) - PAGE, seen)).toBe(false);
  });

  it('of the handover alone knows nothing about other pages', async () => {
    const image = readMemoryImage(await written({ ...HEAD, moment: 'jump', pages: 'handover' }));
    expect(image.read(7 * PAGE, new Uint8Array(PAGE))).toBe(true);
    expect(image.read(8 * PAGE, new Uint8Array(8))).toBe(false);
  });

  it('that reached the limit says so, and treats no missing page as zeros', async () => {
    const image = readMemoryImage(await written(HEAD, 4 * PAGE));
    expect(image.cut).toBe(true);
    expect(image.read(2 * PAGE, new Uint8Array(8))).toBe(false);
  });

  it('has a name that only images have', () => {
    expect(imageName(HEAD)).toBe('memory-end-1.gz');
    expect(IMAGE_NAME.test(imageName(HEAD))).toBe(true);
    expect(IMAGE_NAME.test('../memory-end-1.gz')).toBe(false);
  });

  it('is cancelled with the run', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(writeMemoryImage(fresh(), HEAD, usedPages(machine()), stop.signal)).rejects.toThrow('aborted');
  });
});

describe('an invalid file is refused', () => {
  const cases: [string, (bytes: Buffer) => Buffer, string][] = [
    ['cut short in the middle of the pages', (bytes) => gzipSync(gunzipSync(bytes).subarray(0, 9000)), 'cut short'],
    ['cut short in its gzip', (bytes) => bytes.subarray(0, bytes.length - 30), 'unexpected end'],
    ['without its end', (bytes) => gzipSync(gunzipSync(bytes).subarray(0, -12)), 'cut short'],
    ['of another format', () => gzipSync('{"format":"other"}\n'), 'first line'],
    ['no gzip', () => Buffer.from('hello'), 'incorrect header'],
    [
      'with more pages than bytes',
      (bytes) => {
        const raw = gunzipSync(bytes);
        raw.writeUInt32LE(0xffff_ffff, raw.indexOf(10) + 1 + 8);
        return gzipSync(raw);
      },
      'cut short',
    ],
    [
      'with fields that no image has',
      (bytes) => gzipSync(gunzipSync(bytes).toString('latin1').replace('"epoch":1', '"epoch":1,"more":1')),
      'first line',
    ],
  ];
  it.each(cases)('%s', async (_, damage, why) => {
    const path = await written();
    writeFileSync(path, damage(readFileSync(path)));
    expect(() => readMemoryImage(path)).toThrow(why);
  });

  it('if it unpacks to more than the limit', () => {
    const path = fresh();
    writeFileSync(path, gzipSync(Buffer.alloc(8 << 20)));
    expect(() => readMemoryImage(path, 4 << 20)).toThrow('not a complete memory image: Cannot create a Buffer larger');
  });
});
