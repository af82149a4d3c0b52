// SPDX-License-Identifier: Apache-2.0
// Finds places in handovers of both formats, and changes them.
import { describe, expect, it } from 'vitest';
import { changeAt, describeHandover, findPlace, HandoverError, plainChange } from '../../../src/handover/index.js';
import type { Change, Place } from '../../../src/model/scenario/place.js';
import { parsePlace } from '../../../src/scenario/validate/place.js';
import { AT, packedWorld, treeWorld, type World } from '../world.js';

const PAGE = 4096;

function place(text: string): Place {
  const parsed = parsePlace(text);
  if ('message' in parsed) throw new Error(parsed.message);
  return parsed.place;
}

function inject({ memory, source }: World, text: string, change: Change) {
  const read = (phys: number, length: number) => {
    const bytes = new Uint8Array(length);
    memory.read(phys, bytes);
    return bytes;
  };
  const plain = plainChange(change, { find: (other) => findPlace(source, other), read });
  const done = changeAt(findPlace(source, place(text)), plain, read);
  memory.write(done.phys, done.bytes);
  return done;
}

function from(how: 'copy' | 'address', text: string): Change {
  return { how, text, place: place(text) };
}

/** A place with its value in packedWorld and in treeWorld; null if it does not exist there. */
type Case = [string, string | null, string | null];

const CASES: Case[] = [
  ['kho.root', '0xd00dfeed', '0xd00dfeed'],
  ['kho.version', "'kho-v4'", "'kho-v1'"],
  ['kho.map', '0x20000', '0x20000'],
  ['kho.map.root', '0x26000', '0x22000'],
  ['kho.map.leaf', '0x20000', '0xf'],
  ['kho.node[LUO].data', '0x11000', '0x11000'],
  ['kho.node[LUO].size', '0x20', '0x20'],
  ['kho.node[other].data', null, null],
  ['luo.version', "'luo-v5'", "'luo-v1'"],
  ['luo.number', '0x1', '0x1'],
  ['luo.size', '0x20', '0x20'],
  ['luo.sessions_pa', '0x12000', '0x12000'],
  ['luo.flbs_pa', '0x18000', null],
  ['sessions.version', null, "'luo-session-v2'"],
  ['sessions.count', '0x1', '0x2'],
  ['sessions.next', '0x13000', null],
  ['flbs.version', null, null],
  ['flbs.pages', '0x1', null],
  ['flbs.count', '0x0', null],
  ['session[vm0].name', "'vm0'", "'vm0'"],
  ['session[vm0].count', '0x1', '0x1'],
  ['session[vm0].files', '0x14000', '0x14000'],
  ['session[empty].count', '0x0', '0x0'],
  ['session[nobody].count', null, null],
  ['files[vm0].count', '0x1', null],
  ['files[vm0].next', '0x0', null],
  ['files[empty].next', null, null],
  ['file[vm0/7].compatible', "'memfd-v2'", "'memfd-v1'"],
  ['file[vm0/7].data', '0x15000', '0x15000'],
  ['file[vm0/7].token', '0x7', '0x7'],
  ['memfd[vm0/7].folios.next', '0x0', '0x0'],
  ['memfd[vm0/7].folios.block[0]', '0x17000', '0x17000'],
  ['memfd[vm0/7].folios.block[511]', null, null],
  ['file[vm0/8].token', null, null],
  ['memfd[vm0/7].pos', '0x5', '0x5'],
  ['memfd[vm0/7].size', '0x14000', '0x14000'],
  ['memfd[vm0/7].seals', '0x1', null],
  ['memfd[vm0/7].flags', '0x2', null],
  ['memfd[vm0/7].nr_folios', '0x5', '0x5'],
  ['memfd[vm0/7].folios.first', '0x16000', '0x16000'],
  ['memfd[vm0/7].folios.total_pages', '0x1', '0x1'],
  ['memfd[vm0/7].folio[2].pfn', '0x102', '0x102'],
  ['memfd[vm0/7].folio[2].flags', '0x3', '0x3'],
  ['memfd[vm0/7].folio[4].index', '0x4', '0x4'],
  ['memfd[vm0/7].folio[2].preserved', '0x1', '0x1'],
  ['memfd[vm0/7].folio[4].preserved', '0x1', '0x1'],
  ['memfd[vm0/7].folio[5].pfn', null, null],
  ['content[vm0/7].page[2]', '0x0', '0x0'],
  ['content[vm0/7].page[19].byte[9]', '0x0', '0x0'],
  ['content[vm0/7].page[20]', null, null],
  ['kexec-metadata.version', '0x1', null],
  ['kexec-metadata.previous_release', "'7.3.4'", null],
  ['memblock.version', "'memblock-v1'", "'memblock-v1'"],
  ['reserve-mem[log].version', "'reserve-mem-v1'", "'reserve-mem-v1'"],
  ['reserve-mem[log].start', '0x100000', '0x100000'],
  ['reserve-mem[log].size', '0x2000', '0x2000'],
  ['reserve-mem[none].size', null, null],
];

describe.each([
  ['blocks and packed structures (7.3)', packedWorld, 1],
  ['trees and arrays (6.19)', treeWorld, 2],
] as const)('%s', (_, world, column) => {
  it.each(CASES)('%s', (text, ...values) => {
    const expected = values[column - 1] as string | null;
    const inspect = () =>
      changeAt(findPlace(world().source, place(text)), { how: 'flip', mask: '0' }, (phys, length) => {
        const bytes = new Uint8Array(length);
        world().memory.read(phys, bytes);
        return bytes;
      });
    if (expected === null) expect(inspect).toThrow(HandoverError);
    else if (expected.startsWith("'")) expect(inject(world(), text, { how: 'text', text: 'x' }).from).toBe(expected);
    else expect(inspect().from).toBe(expected);
  });

  it('lists versions, sessions and files', () => {
    const { kho, luo, sessions, nodes, cut } = describeHandover(world().source);
    expect({ kho, luo, nodes: nodes.slice(0, 2), cut }).toEqual({
      kho: column === 1 ? 'kho-v4' : 'kho-v1',
      luo: column === 1 ? 'luo-v5' : 'luo-v1',
      nodes: ['LUO', 'memblock'],
      cut: false,
    });
    expect(sessions).toEqual([
      { name: 'empty', files: [] },
      {
        name: 'vm0',
        files: [{ compatible: column === 1 ? 'memfd-v2' : 'memfd-v1', data: BigInt(AT.memfd * PAGE), token: 7n }],
      },
    ]);
    expect(describeHandover(world().source, 1)).toMatchObject({ sessions: [{ name: 'empty' }], cut: true });
  });

  it('removes a node or a property, and the rest stays', () => {
    const one = world();
    inject(one, 'kho.node[LUO]', { how: 'remove' });
    expect(describeHandover(one.source)).toMatchObject({ luo: null, sessions: [] });
    expect(findPlace(one.source, place('memblock.version')).as).toBe('text');
    const two = world();
    inject(two, 'kho.map', { how: 'remove' });
    expect(() => findPlace(two.source, place('kho.map'))).toThrow('preserved-memory-map does not exist');
    expect(describeHandover(two.source).sessions).toHaveLength(2);
  });

  it('finds only the first word of a damaged root', () => {
    const broken = world();
    inject(broken, 'kho.root', { how: 'number', value: '0' });
    expect(() => findPlace(broken.source, place('kho.version'))).toThrow('not a valid device tree');
    expect(inject(broken, 'kho.root', { how: 'number', value: '0xd00dfeed' }).from).toBe('0x0');
    expect(findPlace(broken.source, place('kho.version')).as).toBe('text');
  });
});

describe('a change', () => {
  it('of bits leaves their neighbours', () => {
    const world = packedWorld();
    expect(inject(world, 'memfd[vm0/7].folio[1].pfn', { how: 'number', value: '0xfffffffffffff' })).toMatchObject({
      from: '0x101',
      to: '0xfffffffffffff',
    });
    expect(inject(world, 'memfd[vm0/7].folio[1].flags', { how: 'flip', mask: '2' })).toMatchObject({
      from: '0x3',
      to: '0x1',
    });
    expect(inject(world, 'memfd[vm0/7].folio[2].preserved', { how: 'number', value: '0' }).from).toBe('0x1');
    expect(() => findPlace(world.source, place('memfd[vm0/7].folio[2].preserved'))).toThrow('not in the map');
    expect(findPlace(world.source, place('memfd[vm0/7].folio[3].preserved')).size).toBe(1);
  });

  it.each<[string, Change, string]>([
    ['session[vm0].count', { how: 'add', value: '-2' }, '0xffffffffffffffff'],
    ['session[vm0].count', { how: 'number', value: '18446744073709551615' }, '0xffffffffffffffff'],
    ['sessions.next', { how: 'self' }, '0x12000'],
    ['luo.version', { how: 'text', text: 'luo-v500' }, "'luo-v500'"],
    ['kho.root', { how: 'flip', mask: '1' }, '0xd00dfeec'],
    ['luo.sessions_pa', from('copy', 'session[vm0].files'), '0x14000'],
    ['session[vm0].count', from('copy', 'kho.root'), '0xd00dfeed'],
    ['memfd[vm0/7].folio[1].pfn', from('copy', 'memfd[vm0/7].folio[0].pfn'), '0x100'],
    ['luo.version', from('copy', 'session[vm0].name'), "'vm0'"],
    ['session[vm0].files', from('address', 'luo.number'), '0x11000'],
  ])('%s %j', (text, change, to) => expect(inject(packedWorld(), text, change).to).toBe(to));

  it.each<[string, Change, string]>([
    ['memfd[vm0/7].seals', { how: 'number', value: '0x100000000' }, 'does not fit into 32 bits'],
    ['luo.version', { how: 'text', text: 'luo-v5000' }, 'there is only room for 8'],
    ['luo.version', { how: 'number', value: '1' }, 'this field is text'],
    ['luo.number', { how: 'text', text: 'x' }, 'this field is a number'],
    ['luo.version', { how: 'remove' }, 'only a property or a node'],
    ['kho.node[LUO]', { how: 'number', value: '1' }, 'can only be removed'],
    ['memfd[vm0/7].folio[1].flags', from('copy', 'session[vm0].files'), 'does not fit'],
    ['luo.number', from('copy', 'session[nobody].count'), 'there is no serialized session nobody'],
  ])('%s %j is refused', (text, change, message) => expect(() => inject(packedWorld(), text, change)).toThrow(message));
});

it("starts from remembered pointers after the kexec, when LUO's page is gone", () => {
  const { source } = packedWorld();
  const later = { ...source, luo: { sessions: BigInt(AT.sessions * PAGE), flbs: BigInt(AT.flbs * PAGE) } };
  expect(() => findPlace(later, place('luo.version'))).toThrow("LUO's own page is gone");
  expect(findPlace(later, place('session[vm0].name')).phys).toBe(AT.more * PAGE + 16);
  expect(findPlace(later, place('flbs.count')).phys).toBe(AT.flbs * PAGE + 8);
});

it.each<[string, string, Change, string]>([
  ['a loop of sessions', 'sessions.next', { how: 'self' }, 'do not end'],
  [
    'a block with more entries than it has room for',
    'sessions.count',
    { how: 'number', value: '52' },
    'claims to hold 52 entries',
  ],
  [
    'a pointer to no memory',
    'luo.sessions_pa',
    { how: 'number', value: '0x3fffffff000' },
    'no memory at 0x3fffffff000',
  ],
  ['a pointer to the middle of a page', 'luo.sessions_pa', { how: 'add', value: '8' }, 'is not a valid address'],
  [
    'a pointer with too many bits',
    'luo.sessions_pa',
    { how: 'number', value: '0xfffffffffffff000' },
    'is not a valid address',
  ],
  ['no sessions yet', 'luo.sessions_pa', { how: 'number', value: '0' }, 'the kernel writes them during the kexec'],
  ['another handler', 'file[vm0/7].compatible', { how: 'text', text: 'object-v1' }, 'is not a memfd'],
])('%s is reported', (_, text, change, message) => {
  const world = packedWorld();
  inject(world, text, change);
  expect(() => findPlace(world.source, place('memfd[vm0/7].pos'))).toThrow(message);
});
