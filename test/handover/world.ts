// SPDX-License-Identifier: Apache-2.0
// A handover in fake memory, in both formats that kernels use. The layouts are those of the kernels' DWARF.
import type { HandoverSource } from '../../src/handover/index.js';
import type { Structure } from '../../src/model/kernel/abi.js';
import { FakeMemory } from '../qemu/fake-memory.js';
import { writeFdt, type Tree } from './memory/make-fdt.js';

const PAGE = 4096;

/**
 * Fields are `name:offset+size`, with `/first:count` for a bit field. A field of more than 8 bytes is text, or an array
 * that no test reads.
 */
function layout(name: string, size: number, fields: string): Structure {
  return {
    name,
    kind: 'struct',
    size,
    file: null,
    fields: fields.split(' ').map((text) => {
      const [, field = '', offset = '', length = '', first, count] =
        /^(.+):(\d+)\+(\d+)(?:\/(\d+):(\d+))?$/.exec(text) ?? [];
      const bits = first === undefined ? null : { offset: Number(first), size: Number(count) };
      return {
        name: field,
        offset: Number(offset),
        size: Number(length),
        type: '',
        shape: Number(length) > 8 || /^(compatible|name)$/.test(field) ? `int8[${length}]` : 'int64',
        bits,
      };
    }),
  };
}

const COMMON = [
  layout('luo_session_ser', 80, 'name:0+64 file_set_ser.files:64+8 file_set_ser.count:72+8'),
  layout('luo_file_ser', 64, 'compatible:0+48 data:48+8 token:56+8'),
  layout('memfd_luo_folio_ser', 16, 'pfn:0+8/0:52 flags:0+8/52:12 index:8+8'),
  layout('kho_vmalloc_chunk', 4096, 'hdr.next.phys:0+8 phys:8+4088'),
];
/** 7.2 and 7.3. */
export const PACKED: Structure[] = [
  ...COMMON,
  layout('luo_ser', 32, 'compatible:0+8 liveupdate_num:8+8 sessions_pa:16+8 flbs_pa:24+8'),
  layout('kho_block_header_ser', 16, 'next:0+8 count:8+8'),
  layout('luo_flb_header_ser', 16, 'pgcnt:0+8 count:8+8'),
  layout(
    'memfd_luo_ser',
    48,
    'pos:0+8 size:8+8 seals:16+4 flags:20+4 nr_folios:24+8 ' +
      'folios.first.phys:32+8 folios.total_pages:40+4 folios.flags:44+2 folios.order:46+2',
  ),
  layout('kho_radix_node', 4096, 'table:0+4096'),
  layout('kho_radix_leaf', 4096, 'bitmap:0+4096'),
  layout('kho_kexec_metadata', 73, 'version:0+4 previous_release:4+65 kexec_count:69+4'),
];
/** 6.19. */
export const TREES: Structure[] = [
  ...COMMON,
  layout('luo_session_header_ser', 8, 'count:0+8'),
  layout(
    'memfd_luo_ser',
    40,
    'pos:0+8 size:8+8 nr_folios:16+8 ' +
      'folios.first.phys:24+8 folios.total_pages:32+4 folios.flags:36+2 folios.order:38+2',
  ),
  layout(
    'khoser_mem_chunk',
    4096,
    'hdr.next.phys:0+8 hdr.order:8+4 hdr.num_elms:12+4 bitmaps:16+4080 bitmaps[].bitmap.phys:24+8',
  ),
  layout('khoser_mem_bitmap_ptr', 16, 'phys_start:0+8 bitmap.phys:8+8'),
  layout('kho_mem_phys_bits', 4096, 'preserve:0+4096'),
];

/** Page frames of everything in it. */
export const AT = {
  root: 16,
  luo: 17,
  sessions: 18,
  more: 19,
  files: 20,
  memfd: 21,
  chunk: 22,
  list: 23,
  flbs: 24,
  metadata: 25,
  memblock: 26,
  map: 32,
  content: 256,
} as const;
/** The file has 20 pages: 4 folios of one page, then one of 16. */
const FOLIOS = [
  ...[0, 1, 2, 3].map((index) => ({ pfn: AT.content + index, order: 0, index })),
  { pfn: AT.content + 16, order: 4, index: 4 },
];

export interface World {
  memory: FakeMemory;
  source: HandoverSource;
}

const at = (frame: keyof typeof AT, offset = 0) => AT[frame] * PAGE + offset;
const text = (memory: FakeMemory, phys: number, value: string) => memory.write(phys, Buffer.from(`${value}\0`));

function words(memory: FakeMemory, phys: number, ...values: (number | bigint)[]): void {
  values.forEach((value, i) => memory.writeU64(phys + i * 8, BigInt(value)));
}

/** @param memfd words from `pos` to `nr_folios` */
function writeFile(memory: FakeMemory, handler: string, file: number, memfd: readonly (number | bigint)[]): void {
  text(memory, file, handler);
  words(memory, file + 48, at('memfd'), 7);
  words(memory, at('memfd'), ...memfd, at('chunk'), 1);
  words(memory, at('chunk'), 0, at('list'));
  FOLIOS.forEach(({ pfn, index }, i) => words(memory, at('list', i * 16), BigInt(pfn) | (3n << 52n), index));
}

const nodes = (property: string, more: Tree[]): Tree[] => [
  { name: 'LUO', properties: { [property]: BigInt(at('luo')), 'blob-size': 32n } },
  { name: 'memblock', properties: { [property]: BigInt(at('memblock')) } },
  ...more,
];

function writeMemblock(memory: FakeMemory): void {
  const child = { name: 'log', properties: { compatible: 'reserve-mem-v1', start: 0x10_0000n, size: 0x2000n } };
  memory.write(at('memblock'), writeFdt({ properties: { compatible: 'memblock-v1' }, children: [child] }));
}

/** A handover of 7.3: two sessions in two blocks, the second with the file. */
export function packedWorld(): World {
  const memory = new FakeMemory(16 << 20);
  const metadata = {
    name: 'kexec-metadata',
    properties: { 'preserved-data': BigInt(at('metadata')), 'blob-size': 73n },
  };
  memory.write(
    at('root'),
    writeFdt({
      properties: { compatible: 'kho-v4', 'preserved-memory-map': BigInt(at('map')) },
      children: nodes('preserved-data', [metadata]),
    }),
  );
  text(memory, at('luo'), 'luo-v5');
  words(memory, at('luo', 8), 1, at('sessions'), at('flbs'));
  words(memory, at('flbs'), 1, 0);
  words(memory, at('sessions'), at('more'), 1);
  text(memory, at('sessions', 16), 'empty');
  words(memory, at('more'), 0, 1);
  text(memory, at('more', 16), 'vm0');
  words(memory, at('more', 16 + 64), at('files'), 1);
  words(memory, at('files'), 0, 1);
  writeFile(memory, 'memfd-v2', at('files', 16), [5, 20 * PAGE, 1n | (2n << 32n), 5]);
  memory.write(at('metadata'), Buffer.from([1, 0, 0, 0]));
  text(memory, at('metadata', 4), '7.3.4');
  writeMemblock(memory);
  let next = AT.map + 1;
  for (const { pfn, order } of FOLIOS) {
    const key = (1n << BigInt(52 - order)) | BigInt(pfn >> order);
    let node = at('map');
    for (let level = 5; level > 0; level--) {
      const entry = node + Number((key >> BigInt((level - 1) * 9 + 15)) & 511n) * 8;
      if (memory.readU64(entry) === 0n) memory.writeU64(entry, BigInt(next++ * PAGE));
      node = Number(memory.readU64(entry));
    }
    const bit = Number(key & 0x7fffn);
    memory.writeU64(node + (bit >> 6) * 8, (memory.readU64(node + (bit >> 6) * 8) ?? 0n) | (1n << BigInt(bit & 63)));
  }
  return { memory, source: { read: (phys, into) => memory.read(phys, into), structures: PACKED, root: at('root') } };
}

/** The same handover by 6.19. */
export function treeWorld(): World {
  const memory = new FakeMemory(16 << 20);
  memory.write(
    at('root'),
    writeFdt({
      properties: { compatible: 'kho-v1', 'preserved-memory-map': BigInt(at('map')) },
      children: nodes('fdt', []),
    }),
  );
  memory.write(
    at('luo'),
    writeFdt({
      properties: { compatible: 'luo-v1', 'liveupdate-number': 1n },
      children: [
        {
          name: 'luo-session',
          properties: { compatible: 'luo-session-v2', 'luo-session-header': BigInt(at('sessions')) },
        },
      ],
    }),
  );
  words(memory, at('sessions'), 2);
  text(memory, at('sessions', 8), 'empty');
  text(memory, at('sessions', 88), 'vm0');
  words(memory, at('sessions', 88 + 64), at('files'), 1);
  writeFile(memory, 'memfd-v1', at('files'), [5, 20 * PAGE, 5]);
  writeMemblock(memory);
  // One chunk for each order.
  words(memory, at('map'), (AT.map + 1) * PAGE, 1n << 32n, 0, (AT.map + 2) * PAGE);
  words(memory, at('map', PAGE), 0, 4n | (1n << 32n), 0, (AT.map + 3) * PAGE);
  words(memory, at('map', 2 * PAGE + AT.content / 8), 0xf);
  words(memory, at('map', 3 * PAGE), 1n << BigInt((AT.content + 16) / 16));
  return { memory, source: { read: (phys, into) => memory.read(phys, into), structures: TREES, root: at('root') } };
}
