// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readFdt, u64Property, type FdtNode } from '../../../src/handover/memory/fdt.js';
import { writeFdt, type Tree } from './make-fdt.js';

/** A root tree of 7.x with a subtree for LUO and one for memblock. */
const HANDOVER: Tree = {
  properties: { compatible: 'kho-v3' },
  children: [
    { name: 'LUO', properties: { 'preserved-data': 0x1234000n } },
    { name: 'memblock', properties: { 'preserved-data': 0x5678000n, 'blob-size': 0x1000n } },
  ],
};

/**
 * `/ { compatible = "kho-v1"; luo { fdt = [00 10 00 00 01 00 00 00]; empty; }; };` written by hand from the
 * specification, without its strings; the code below fills in both sizes.
 */
const BY_HAND = Buffer.from(
  [
    'd00dfeed',
    '00000091',
    '00000038',
    '0000007c',
    '00000028',
    '00000011',
    '00000010',
    '00000000',
    '00000015',
    '00000044',
    '0000000000000000',
    '0000000000000000',
    '00000001',
    '00000000',
    '00000003',
    '00000007',
    '00000000',
    '6b686f2d76310000',
    '00000001',
    '6c756f00',
    '00000003',
    '00000008',
    '0000000b',
    '0010000001000000',
    '00000003',
    '00000000',
    '0000000f',
    '00000002',
    '00000002',
    '00000009',
  ].join(''),
  'hex',
);

const outline = (node: FdtNode | null): unknown =>
  node === null
    ? null
    : {
        name: node.name,
        properties: Object.fromEntries(
          [...node.properties].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
        ),
        children: node.children.map(outline),
      };

describe('a flattened device tree', () => {
  it('reads back as it was written', () => {
    const root = readFdt(writeFdt(HANDOVER));
    expect(outline(root)).toMatchObject({
      name: '',
      properties: { compatible: 'kho-v3\0' },
      children: [{ name: 'LUO' }, { name: 'memblock' }],
    });
    expect(root?.children.map((child) => u64Property(child, 'preserved-data'))).toEqual([0x1234000, 0x5678000]);
  });

  it('word by word', () => {
    const bytes = Buffer.concat([BY_HAND, Buffer.from('compatible\0fdt\0empty\0')]);
    bytes.writeUInt32BE(bytes.length, 4);
    bytes.writeUInt32BE(BY_HAND.length, 12);
    const root = readFdt(bytes);
    expect(outline(root)).toEqual({
      name: '',
      properties: { compatible: 'kho-v1\0' },
      children: [{ name: 'luo', properties: { fdt: '\0\x10\0\0\x01\0\0\0', empty: '' }, children: [] }],
    });
    expect(u64Property(root?.children[0] as FdtNode, 'fdt')).toBe(0x1_0000_1000);
  });

  it('may be anywhere in a buffer, with other bytes after it', () => {
    const tree = writeFdt(HANDOVER);
    const page = Buffer.alloc(4096 + 13, 0xff);
    tree.copy(page, 13);
    expect(outline(readFdt(page.subarray(13)))).toEqual(outline(readFdt(tree)));
  });

  it('is invalid if it is cut anywhere', () => {
    const tree = writeFdt(HANDOVER);
    for (let length = 0; length < tree.length; length++) expect(readFdt(tree.subarray(0, length))).toBeNull();
    // And with a total size that tells the same lie.
    for (let length = 8; length < tree.length; length++) {
      const lying = Buffer.from(tree.subarray(0, length));
      lying.writeUInt32BE(length, 4);
      expect(() => readFdt(lying)).not.toThrow();
    }
  });

  it('with one changed byte is read or rejected, and never throws', () => {
    const tree = writeFdt(HANDOVER);
    for (let at = 0; at < tree.length; at++) {
      for (const byte of [0, 1, 2, 3, 4, 9, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(tree);
        changed[at] = byte;
        expect(() => readFdt(changed)).not.toThrow();
      }
    }
  });

  it('with random words after a valid header ends', () => {
    let state = 99;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.alloc(4096);
      // Mostly tokens, so that it gets past the first node.
      for (let at = 0; at < 4096; at += 4)
        bytes.writeUInt32BE(random() % 4 === 0 ? random() : ([1, 2, 3, 4, 9, 0][random() % 6] as number), at);
      writeFdt({}).copy(bytes, 0, 0, 40);
      bytes.writeUInt32BE(4096, 4);
      expect(() => readFdt(bytes)).not.toThrow();
    }
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a head alone', writeFdt({}).subarray(0, 40)],
    ['another magic', Buffer.alloc(4096)],
    ['no root', Buffer.concat([writeFdt({}).subarray(0, 56), Buffer.from('00000009', 'hex')])],
    [
      'two roots',
      Buffer.concat([
        writeFdt({}).subarray(0, 56),
        Buffer.from(`${'0000000100000000'}00000002${'0000000100000000'}0000000200000009`, 'hex'),
      ]),
    ],
    [
      'a property outside',
      Buffer.concat([writeFdt({}).subarray(0, 56), Buffer.from('00000003000000000000000000000009', 'hex')]),
    ],
    [
      'a node that does not end',
      Buffer.concat([writeFdt({}).subarray(0, 56), Buffer.from('000000010000000000000009', 'hex')]),
    ],
    [
      'deeper than any handover',
      writeFdt(Array.from({ length: 40 }).reduce<Tree>((child) => ({ name: 'x', children: [child] }), {})),
    ],
    ['a name that is longer than any', writeFdt({ children: [{ name: 'n'.repeat(1000) }] })],
  ])('%s is none', (_, bytes) => {
    const tree = Buffer.from(bytes);
    if (tree.length > 40 && tree.readUInt32BE(4) < tree.length) tree.writeUInt32BE(tree.length, 4);
    expect(readFdt(tree)).toBeNull();
  });

  it('is fast with 64 KiB that are made to be slow', () => {
    // Thousands of properties, each with a name that does not end.
    const bytes = Buffer.alloc(64 << 10, 'n');
    const head = writeFdt({});
    head.copy(bytes, 0, 0, 40);
    bytes.writeUInt32BE(bytes.length, 4);
    bytes.writeUInt32BE(20_000, 12);
    let at = 56;
    bytes.writeUInt32BE(1, at);
    bytes.writeUInt32BE(0, at + 4);
    for (at += 8; at < 19_000; at += 12) {
      bytes.writeUInt32BE(3, at);
      bytes.writeUInt32BE(0, at + 4);
      bytes.writeUInt32BE(0, at + 8);
    }
    bytes[bytes.length - 1] = 0;
    const began = performance.now();
    for (let i = 0; i < 100; i++) readFdt(bytes);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('a 64-bit property', () => {
  const node = (value: Uint8Array) => ({ properties: new Map([['x', value]]) });
  it.each<[string, Pick<FdtNode, 'properties'>, number | null]>([
    ['in the order of the machine', node(Buffer.from('0010000001000000', 'hex')), 0x1_0000_1000],
    ['the largest that is exact', node(Buffer.from('ffffffffffff1f00', 'hex')), Number.MAX_SAFE_INTEGER],
    ['one more', node(Buffer.from('0000000000002000', 'hex')), null],
    ['too short', node(Buffer.alloc(4)), null],
    ['too long', node(Buffer.alloc(16)), null],
    ['missing', { properties: new Map() }, null],
  ])('%s', (_, given, value) => expect(u64Property(given, 'x')).toBe(value));
});
