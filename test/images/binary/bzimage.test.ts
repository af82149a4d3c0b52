// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBzImage } from '../../../src/images/binary/bzimage.js';
import { ComponentScanner, scanBzImage, scanVmlinux } from '../../../src/images/binary/components.js';
import { handoverOf } from '../../../src/images/binary/handover.js';
import { compileC, generator } from '../../compat/binary/objects.js';
import { fakeBzImage, type Shape } from './make-bzimage.js';
import { folderWith } from '../folder.js';

const file = (content: Buffer | string) => join(folderWith({ f: content }), 'f');
const image = (shape?: Shape) => file(fakeBzImage(shape));
const names = (list: { name: string; version: number }[]) => list.map(({ name, version }) => `${name}-v${version}`);

describe('the boot header', () => {
  it('has the release and the payload', () => {
    expect(readBzImage(image())).toEqual({
      release: '7.3.4-lab',
      initSize: null,
      payload: { offset: 2064, length: 7 },
    });
  });

  it.each<[string, Shape, string | null]>([
    ['none named', { pointer: 0 }, null],
    ['beyond the setup code', { pointer: 0xfff0 }, null],
    ['at its very end', { pointer: 0x5ff }, null],
    ['not a text', { release: '\x1b[31m' }, null],
    ['endless', { release: 'x'.repeat(400) }, null],
  ])('release: %s', (_, shape, release) => {
    expect(readBzImage(image(shape)).release).toBe(release);
  });

  it('of an old image has no payload field', () => {
    expect(readBzImage(image({ protocol: 0x207 })).payload).toBeNull();
  });

  it.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /no Linux boot header/],
    ['random bytes', randomBytes(4096), /no Linux boot header/],
    ['a header alone', fakeBzImage().subarray(0, 0x270), /cut off/],
    ['half an image', fakeBzImage({ payloadLength: 1 << 30 }), /cut off/],
    ['a payload length that wraps', fakeBzImage({ payloadLength: 0xffffffff }), /cut off/],
  ])('refuses %s', (_, content, message) => {
    expect(() => readBzImage(file(content))).toThrow(message);
  });
});

describe('version strings of components', () => {
  const strings = (text: string) => {
    const scanner = new ComponentScanner();
    scanner.feed(Buffer.from(text, 'latin1'));
    return names(scanner.components());
  };

  it('are only whole strings', () => {
    expect(
      strings('\0kho-v4\0luo-v5\0xmemfd-v2\0memfd-v3x\0luo-session-v2\0kho-v\0 memblock-v1\0reserve-mem-v1'),
    ).toEqual(['kho-v4', 'luo-v5', 'luo-session-v2']);
  });

  it('may follow a pointer', () => {
    expect(strings('\xc0-\x83\x81\xff\xff\xff\xffmemfd-v2\0')).toEqual(['memfd-v2']);
  });

  const handler = (name: string, size = 48): string => `\xc0-\x83\x81\xff\xff\xff\xff${name.padEnd(size, '\0')}`;

  it('of handlers may have any name: their field identifies them', () => {
    expect(strings(`${handler('vfio-pci-v1')}\x08${handler('memfd-v2')}\x08${handler('iommufd-v12')}`)).toEqual([
      'iommufd-v12',
      'memfd-v2',
      'vfio-pci-v1',
    ]);
    // In other text, in a field that is too short, or without a pointer before it, such a word is not a handler.
    expect(strings(`\0vfio-pci-v1${'\0'.repeat(48)}${handler('sha256-v1', 32)}x${handler('vfio-pci-w1')}x`)).toEqual(
      [],
    );
    // The lab's object has fields for versions that it does not read.
    expect(strings(`${handler('object-v4')}x`)).toEqual([]);
  });

  it('of handlers are found across any chunk boundary', () => {
    const text = `${'x'.repeat(90)}${handler('vfio-pci-v1')}${'x'.repeat(90)}`;
    for (let cut = 80; cut < 160; cut++) {
      const scanner = new ComponentScanner();
      for (const piece of [text.slice(0, cut), text.slice(cut)]) scanner.feed(Buffer.from(piece, 'latin1'));
      expect(names(scanner.components()), `cut at ${cut}`).toEqual(['vfio-pci-v1']);
    }
  });

  it('include all versions of a component, each once', () => {
    expect(strings('\0memfd-v2\0memfd-v1\0memfd-v2\0memfd-v10\0')).toEqual(['memfd-v1', 'memfd-v2', 'memfd-v10']);
  });

  it('are found across any chunk boundary', () => {
    const text = `${'\0'.repeat(100)}luo-session-v2\0${'\0'.repeat(100)}`;
    for (let cut = 95; cut < 125; cut++) {
      const scanner = new ComponentScanner();
      for (const piece of [text.slice(0, cut), text.slice(cut)]) scanner.feed(Buffer.from(piece, 'latin1'));
      expect(names(scanner.components()), `cut at ${cut}`).toEqual(['luo-session-v2']);
    }
  });

  it('ignore a chunk that begins inside a string', () => {
    for (let before = 1; before < 80; before++) {
      const scanner = new ComponentScanner();
      scanner.feed(Buffer.from(`${'x'.repeat(before)}memfd-v2`, 'latin1'));
      scanner.feed(Buffer.from('\0', 'latin1'));
      scanner.feed(Buffer.from('rest', 'latin1'));
      expect(names(scanner.components()), `${before} before`).toEqual([]);
    }
  });

  it('are the same byte by byte as all at once', () => {
    const scanner = new ComponentScanner();
    for (const byte of Buffer.from('\0kho-v4\0memfd-v2\0')) scanner.feed(Buffer.from([byte]));
    expect(names(scanner.components())).toEqual(['kho-v4', 'memfd-v2']);
  });

  it('are bounded, even if there are a million', () => {
    const scanner = new ComponentScanner();
    for (let i = 0; i < 100; i++)
      scanner.feed(Buffer.from(Array.from({ length: 1000 }, (_, j) => `\0kho-v${i * 1000 + j}`).join(''), 'latin1'));
    expect(scanner.components().length).toBe(256);
  });
});

describe('images', () => {
  /** The payload of these tests is not an ELF file. */
  const NO_LIST = expect.stringContaining("the kernel's own list of versions cannot be read");
  const inside = Buffer.concat([Buffer.alloc(300_000), Buffer.from('\0kho-v4\0memfd-v2\0'), Buffer.alloc(100)]);

  it('vmlinux', async () => {
    expect(await scanVmlinux(file(inside))).toEqual({
      components: [
        { name: 'kho', version: 4 },
        { name: 'memfd', version: 2 },
      ],
      listed: null,
      registered: null,
      whole: true,
      notes: [NO_LIST],
    });
    expect((await scanVmlinux(file(''))).notes[1]).toMatch(/no version string/);
  });

  it('bzImage with a gzip payload', async () => {
    expect(await scanBzImage(image({ payload: gzipSync(inside) }))).toEqual(await scanVmlinux(file(inside)));
  });

  const withList = () =>
    compileC(
      'char s[] = "\\0kho-v4\\0memfd-v1\\0";\n' +
        '__asm__(".section .liveupdate_versions,\\"a\\"; .long 0x4c565550, 1; .ascii \\"memfd-v2\\"; .skip 40; ' +
        '.ascii \\"object-v2\\\\0object-v1\\"; .skip 29; .text");',
    );

  it("the kernel's own list is read, whatever the kind of image", async () => {
    const listed = [
      { name: 'memfd', version: 2 },
      { name: 'object', version: 2 },
      { name: 'object', version: 1 },
    ];
    const LISTED = withList();
    for (const scan of [await scanVmlinux(file(LISTED)), await scanBzImage(image({ payload: gzipSync(LISTED) }))]) {
      expect(scan).toMatchObject({ listed, whole: true, notes: [] });
      const { components, versions, known } = handoverOf(scan, null);
      expect(names(components)).toEqual(['memfd-v2', 'object-v2', 'object-v1', 'kho-v4']);
      expect(versions.find(({ name }) => name === 'object')).toEqual({
        name: 'object',
        reads: [2, 1],
        writes: null,
        write: null,
        manner: null,
      });
      expect(known).toBe(true);
    }
  });

  it('a damaged list is reported as unreadable', async () => {
    const random = generator(9);
    const LISTED = withList();
    const at = LISTED.indexOf('PUVL');
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(LISTED);
      for (let change = 0; change <= random(5); change++)
        bytes[random(2) === 0 ? at + random(104) : random(bytes.length)] = random(256);
      const scan = await scanBzImage(image({ payload: gzipSync(bytes) }));
      if (scan.listed === null) expect(names(handoverOf(scan, null).components)).not.toContain('object-v2');
      else expect(scan.listed.length).toBeLessThanOrEqual(8);
    }
  });

  it('a payload that is cut off or broken is reported', async () => {
    const packed = gzipSync(Buffer.concat([inside, randomBytes(200_000)]));
    const cut = await scanBzImage(image({ payload: packed.subarray(0, packed.length - 1000) }));
    expect(names(cut.components)).toEqual(['kho-v4', 'memfd-v2']);
    // The part that was not searched may have more.
    expect([cut.whole, handoverOf(cut, null).known]).toEqual([false, false]);
    expect(cut.notes).toHaveLength(1);
    const broken = await scanBzImage(image({ payload: Buffer.concat([Buffer.from([0x1f, 0x8b]), randomBytes(1000)]) }));
    expect(broken.components).toEqual([]);
    expect(broken.notes).toHaveLength(1);
    const unknown = await scanBzImage(image({ payload: Buffer.from('what is this?') }));
    expect(unknown.notes[0]).toMatch(/unknown format/);
  });

  it('xz, zstd and lz4 payloads are read if the host can unpack them', async () => {
    const { findProgram } = await import('../../../src/images/requirements.js');
    const { execFileSync } = await import('node:child_process');
    for (const [tool, ...args] of [
      ['xz', '-c'],
      ['zstd', '-qc'],
      ['lz4', '-qlc'],
    ] as const) {
      if (findProgram(tool) === null) continue;
      const payload = Buffer.concat([execFileSync(tool, args, { input: inside }), Buffer.from([1, 2, 3, 4])]);
      const result = await scanBzImage(image({ payload }));
      expect(names(result.components), tool).toEqual(['kho-v4', 'memfd-v2']);
      expect(result.notes, tool).toEqual([NO_LIST]);
    }
  });
});
