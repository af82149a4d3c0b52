// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type ErofsEntry, erofsImage } from '../../../src/images/userspace/erofs.js';

const BLOCK = 4096;

interface Found {
  mode: number;
  links: number;
  data: Buffer;
}

/** Reads an image as the kernel does (fs/erofs/): by block numbers, and names by bisection. */
class Reader {
  constructor(private readonly image: Buffer) {
    expect(image.readUInt32LE(1024)).toBe(0xe0f5e1e2);
    expect(image.readUInt32LE(1024 + 36) * BLOCK).toBe(image.length);
  }

  find(path: string): Found | null {
    let nid: number | null = this.image.readUInt16LE(1024 + 14);
    for (const name of path.split('/').filter((each) => each !== '')) {
      nid = nid === null ? null : this.lookUp(this.inode(nid).data, Buffer.from(name));
    }
    return nid === null ? null : this.inode(nid);
  }

  names(path: string): string[] {
    const { data } = this.find(path) as Found;
    return this.blocksOf(data).flatMap((block) => this.entriesOf(block).map(({ name }) => name.toString()));
  }

  private inode(nid: number): Found {
    const at = this.image.readUInt32LE(1024 + 40) * BLOCK + nid * 32;
    expect(this.image.readUInt16LE(at)).toBe(1);
    const size = Number(this.image.readBigUInt64LE(at + 8));
    const start = this.image.readUInt32LE(at + 16) * BLOCK;
    const data = this.image.subarray(start, start + size);
    return { mode: this.image.readUInt16LE(at + 4), links: this.image.readUInt32LE(at + 44), data };
  }

  private blocksOf(data: Buffer): Buffer[] {
    return Array.from({ length: Math.ceil(data.length / BLOCK) }, (_, i) => data.subarray(i * BLOCK, (i + 1) * BLOCK));
  }

  private entriesOf(block: Buffer): { nid: number; name: Buffer }[] {
    const count = block.readUInt16LE(8) / 12;
    return Array.from({ length: count }, (_, i) => {
      const start = block.readUInt16LE(i * 12 + 8);
      const end = i + 1 < count ? block.readUInt16LE(i * 12 + 20) : block.length;
      const name = block.subarray(start, end);
      const zero = name.indexOf(0);
      return { nid: Number(block.readBigUInt64LE(i * 12)), name: zero < 0 ? name : name.subarray(0, zero) };
    });
  }

  /** The first names of blocks, then the names of one block: both are in order. */
  private lookUp(data: Buffer, name: Buffer): number | null {
    const blocks = this.blocksOf(data).map((block) => this.entriesOf(block));
    const block = blocks.findLast((each) => Buffer.compare(each[0]?.name ?? Buffer.alloc(0), name) <= 0);
    let [low, high] = [0, (block?.length ?? 0) - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const entry = block?.[middle];
      const order = Buffer.compare(entry?.name ?? Buffer.alloc(0), name);
      if (order === 0) return entry?.nid ?? null;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return null;
  }
}

const file = (path: string, text: string, mode = 0o644): ErofsEntry => ({
  kind: 'file',
  path,
  mode,
  data: Buffer.from(text),
});

describe('an EROFS image', () => {
  it('has files, links and folders with their modes, also folders without an entry of their own', () => {
    const image = new Reader(
      erofsImage([
        { kind: 'dir', path: 'tmp', mode: 0o1777 },
        file('usr/bin/su', 'program', 0o4755),
        { kind: 'link', path: 'bin', target: 'usr/bin' },
      ]),
    );
    expect(image.find('tmp')?.mode).toBe(0o041777);
    expect(image.find('usr/bin/su')).toMatchObject({ mode: 0o104755, data: Buffer.from('program') });
    expect(image.find('bin')).toMatchObject({ mode: 0o120777, data: Buffer.from('usr/bin') });
    expect(image.find('usr')).toMatchObject({ mode: 0o040755, links: 3 });
    expect(image.find('usr/sbin')).toBeNull();
    expect(image.names('')).toEqual(['.', '..', 'bin', 'tmp', 'usr']);
  });

  it('holds files of any size', () => {
    const sizes = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK];
    const image = new Reader(erofsImage(sizes.map((size) => file(`f${size}`, 'x'.repeat(size)))));
    for (const size of sizes) expect(image.find(`f${size}`)?.data.length).toBe(size);
  });

  it('finds each name of a folder that takes many blocks', () => {
    const names = Array.from({ length: 500 }, (_, i) => `${'n'.repeat(i % 200)}-${i}`);
    const image = new Reader(erofsImage(names.map((name) => file(`d/${name}`, name))));
    for (const name of names) expect(image.find(`d/${name}`)?.data.toString()).toBe(name);
    expect(image.names('d').length).toBe(names.length + 2);
  });

  it('sorts names by bytes, not by letters', () => {
    const image = new Reader(erofsImage([file('é', ''), file('z', ''), file('\u{1f600}', ''), file('\u{ffee}', '')]));
    for (const name of ['é', 'z', '\u{1f600}', '\u{ffee}']) expect(image.find(name)).not.toBeNull();
  });

  it('is the same for the same entries in another order; a later entry replaces an earlier one', () => {
    const entries = [file('a/b', '1'), file('a/c', '2'), file('d', '3')];
    expect(erofsImage(entries.toReversed()).equals(erofsImage(entries))).toBe(true);
    expect(new Reader(erofsImage([...entries, file('d', 'new')])).find('d')?.data.toString()).toBe('new');
  });

  it('takes no path that leads out, and nothing below a file', () => {
    expect(() => erofsImage([file('../x', '')])).toThrow('not a valid path');
    expect(() => erofsImage([file('x', ''), file('x/y', '')])).toThrow('x is no folder');
  });
});
