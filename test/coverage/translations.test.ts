// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBlocks, type TranslatedBlock, TranslationReader } from '../../src/coverage/index.js';

/** The beginning of what QEMU 7.2.22 logged of a 7.3.4, and one block with a long instruction. */
const LOG = readFileSync(join(import.meta.dirname, 'in-asm.txt'));

function blocksOf(...chunks: (string | Buffer)[]): TranslatedBlock[] {
  const blocks: TranslatedBlock[] = [];
  const reader = new TranslationReader((block) => blocks.push(block));
  for (const chunk of chunks) reader.feed(Buffer.from(chunk));
  reader.end();
  return blocks;
}

describe("QEMU's log of translated code", () => {
  it('gives each block with its size', () => {
    expect(blocksOf(LOG).map(({ start, size }) => [start.toString(16), size])).toEqual([
      ['818dd930', 27],
      ['818fb9f0', 16],
      ['818fba00', 2],
      ['818fcc30', 16],
      ['818fcc40', 2],
      ['818fc150', 16],
      ['818fc2dc', 1],
      ['818fc360', 21],
      ['818fc53f', 26],
    ]);
  });

  it('gives each instruction once, also one with more bytes than fit in a line', () => {
    const last =
      blocksOf(LOG)
        .at(-1)
        ?.instructions.map((address) => address.toString(16)) ?? [];
    expect(last.slice(0, 5)).toEqual(['818fc53f', '818fc542', '818fc547', '818fc551', '818fc554']);
  });

  it('is the same however it arrives', () => {
    const whole = blocksOf(LOG);
    expect(blocksOf(...Array.from(LOG, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('is read from a QEMU without a disassembler too', () => {
    expect(blocksOf('IN: \n0xffffffff81000010:  \nOBJD-T: 554889e5\nOBJD-T: c3\n')).toEqual([
      { start: 0x81000010, size: 5, instructions: [0x81000010] },
    ]);
  });

  it('is not believed', () => {
    expect(blocksOf('IN: \n0x0000000000401000:  c3   retq\n')).toEqual([]);
    expect(blocksOf('IN: \n0xffffffff81000000:  c3   retq\n0xffffffff82000000:  c3   retq\n')).toEqual([
      { start: 0x81000000, size: 1, instructions: [0x81000000] },
    ]);
    expect(blocksOf(`IN: \n0xffffffff81000000:  \n${'OBJD-T: 9090\n'.repeat(5000)}`)).toEqual([]);
    expect(blocksOf('x'.repeat(1 << 16), '\0\n', '0xffffffff\n')).toEqual([]);
  });

  it('gives the instructions that ran in some ranges', async () => {
    const ran = await readBlocks([LOG], [{ start: 0x818fb9f0, end: 0x818fba02 }]);
    expect([...ran].map((address) => address.toString(16))).toEqual([
      '818fb9f0',
      '818fb9f1',
      '818fb9f8',
      '818fb9fb',
      '818fba00',
      '818fba01',
    ]);
  });
});
