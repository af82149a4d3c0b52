// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FormatError, fromMemory } from '../../../src/compat/binary/bytes.js';
import { debugSections, readTypes } from '../../../src/compat/binary/dwarf.js';
import { readElf } from '../../../src/compat/binary/elf.js';
import { crossingStructures } from '../../../src/compat/abi/layout.js';
import type { Structure } from '../../../src/model/kernel/abi.js';
import { ABI_HEADER, compileC, generator } from './objects.js';

const HEADER = 'include/linux/kho/abi/x.h';
const SOURCE = '#include <linux/kho/abi/x.h>\nint x;\n';

function layouts(object: Uint8Array): Structure[] {
  const sections = debugSections(readElf(fromMemory(object)));
  if (sections === null) throw new FormatError('no debug information');
  return crossingStructures(readTypes(sections));
}

const fieldsOf = (structures: readonly Structure[], name: string) =>
  structures
    .find((structure) => structure.name === name)
    ?.fields.map(({ name: field, offset, size, type, bits }) => [
      field,
      offset,
      size,
      type,
      ...(bits === null ? [] : [bits.offset, bits.size]),
    ]);

describe.each([['-gdwarf-5'], ['-gdwarf-4'], ['-gdwarf-5', '-gdwarf64'], ['-gdwarf-4', '-gno-strict-dwarf', '-O2']])(
  'debug information of gcc %s',
  (...flags) => {
    const structures = () => layouts(compileC(SOURCE, flags, { [HEADER]: ABI_HEADER }));

    it('gives every structure of an ABI header, whatever its name', () => {
      const names = structures();
      expect(names.map(({ name, size }) => [name, size])).toEqual([
        ['kho_vmalloc', 16],
        ['luo_ser', 8],
        ['memfd_luo_folio_ser', 16],
        ['memfd_luo_ser', 48],
        ['plain_thing', 32],
      ]);
      for (const { file, kind } of names) expect([file, kind]).toEqual([HEADER, 'struct']);
    });

    it('gives fields with offsets, sizes and types, also nested ones', () => {
      expect(fieldsOf(structures(), 'memfd_luo_ser')).toEqual([
        ['pos', 0, 8, 'u64'],
        ['size', 8, 8, 'u64'],
        ['seals', 16, 4, 'u32'],
        ['flags', 20, 4, 'u32'],
        ['nr_folios', 24, 8, 'u64'],
        ['folios', 32, 16, 'struct kho_vmalloc'],
        ['folios.first', 32, 8, 'union {}'],
        ['folios.first.phys', 32, 8, 'u64'],
        ['folios.first.ptr', 32, 8, 'struct kho_vmalloc_chunk *'],
        ['folios.total_pages', 40, 4, 'unsigned int'],
        ['folios.flags', 44, 2, 'short unsigned int'],
        ['folios.order', 46, 2, 'short unsigned int'],
      ]);
    });

    it('gives bit fields, arrays of several dimensions, flexible arrays, enums', () => {
      expect(fieldsOf(structures(), 'memfd_luo_folio_ser')).toEqual([
        ['pfn', 0, 8, 'u64', 0, 52],
        ['flags', 0, 8, 'u64', 52, 12],
        ['index', 8, 8, 'u64'],
      ]);
      expect(fieldsOf(structures(), 'plain_thing')).toEqual([
        ['number', 0, 4, 'int'],
        ['kind', 4, 4, 'enum {}'],
        ['grid', 8, 24, 'u32[2][3]'],
      ]);
      expect(fieldsOf(structures(), 'luo_ser')).toEqual([
        ['compatible', 0, 8, 'char[8]'],
        ['list', 8, 0, 'u64[]'],
      ]);
    });
  },
);

describe('structures outside the ABI headers', () => {
  it('count by name, unless they contain a pointer of the running kernel', () => {
    const source = `
typedef unsigned long long u64;
struct kho_mem_phys_bits { unsigned long preserve[64]; };
struct list_head { struct list_head *next, *prev; };
struct kho_mem_track { struct list_head orders; };
struct kho_page_info { unsigned long word; };
struct khoser_mem_bitmap_ptr { u64 phys_start; union { u64 phys; void *ptr; } bitmap; };
struct other { int x; };
struct widget_ser { struct { int a; union { int b; char c[4]; }; } many[3]; };
int x;`;
    const structs = layouts(compileC(source));
    expect(structs.map(({ name }) => name)).toEqual(['kho_mem_phys_bits', 'khoser_mem_bitmap_ptr', 'widget_ser']);
    expect(fieldsOf(structs, 'widget_ser')).toEqual([
      ['many', 0, 24, 'struct {}[3]'],
      ['many[].a', 0, 4, 'int'],
      ['many[].b', 4, 4, 'int'],
      ['many[].c', 4, 4, 'char[4]'],
    ]);
  });

  it('are ignored if only their name is known', () => {
    expect(layouts(compileC('struct kho_x; struct kho_x *p; int kho_y;'))).toEqual([]);
  });
});

describe('damaged debug information', () => {
  it('cut off anywhere is an error, never a crash or an endless loop', () => {
    const object = sample();
    for (let length = 0; length < object.length; length += 37) readOrRefuse(object.subarray(0, length));
  });

  it('with changed bytes gives the same', () => {
    const random = generator(1);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(sample());
      for (let change = 0; change <= random(8); change++) bytes[random(bytes.length)] = random(256);
      if (readOrRefuse(bytes) === null) refused++;
    }
    expect(refused).toBeGreaterThan(50);
  });

  it('with random sections gives the same', () => {
    const random = generator(2);
    for (let round = 0; round < 500; round++) {
      const noise = () => Uint8Array.from({ length: random(400) }, () => random(256));
      const sections = {
        info: noise(),
        abbrev: noise(),
        str: noise(),
        lineStr: noise(),
        line: noise(),
        strOffsets: noise(),
      };
      attempt(() => crossingStructures(readTypes(sections)));
    }
  });

  it('ends at a type that contains itself', () => {
    for (const tag of ['typedef', 'array', 'const', 'struct'] as const)
      expect(attempt(() => crossingStructures(readTypes(selfMade(tag))))).not.toBe(undefined);
  });

  it('rejects fast many nameless structures that contain themselves many times', () => {
    const abbrev = Uint8Array.from([1, 0x13, 1, 0x03, 0x08, 0, 0, 2, 0x0d, 0, 0x49, 0x11, 0, 0]);
    const members = Array.from({ length: 60 }, () => [2, 12]).flat();
    expect(() => crossingStructures(readTypes(unit(abbrev, [1, ...Buffer.from('kho_x\0'), ...members, 0])))).toThrow(
      FormatError,
    );
  });

  it('rejects entries that are nested without end', () => {
    const abbrev = Uint8Array.from([1, 0x13, 1, 0, 0, 0]);
    expect(() =>
      readTypes(
        unit(
          abbrev,
          Array.from({ length: 5000 }, () => 1),
        ),
      ),
    ).toThrow('nested too deeply');
  });

  it('rejects a form that is always another one, and an unknown form', () => {
    expect(() =>
      readTypes(
        unit(
          Uint8Array.from([1, 0x13, 0, 0x03, 0x16, 0, 0, 0]),
          Array.from({ length: 50 }, (_, i) => (i === 0 ? 1 : 0x16)),
        ),
      ),
    ).toThrow('a form that is always another');
    expect(() => readTypes(unit(Uint8Array.from([1, 0x13, 0, 0x03, 0x7f, 0, 0, 0]), [1, 0]))).toThrow(
      'unknown form 0x7f',
    );
  });
});

let compiled: Buffer | null = null;
/** Compiled once, because the tests only read it. */
const sample = (): Buffer => (compiled ??= compileC(SOURCE, ['-gdwarf-5'], { [HEADER]: ABI_HEADER }));

/** The types; null after a FormatError. Any other error fails the test. */
function attempt<T>(body: () => T): T | null {
  try {
    return body();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

const readOrRefuse = (bytes: Uint8Array) => attempt(() => layouts(bytes));

/** A DWARF 5 unit with these entries. */
function unit(abbrev: Uint8Array, entries: readonly number[]) {
  const info = new Uint8Array(12 + entries.length);
  new DataView(info.buffer).setUint32(0, info.length - 4, true);
  info.set([5, 0, 1, 8], 4);
  info.set(entries, 12);
  const none = new Uint8Array();
  return { info, abbrev, str: none, lineStr: none, line: none, strOffsets: none };
}

/** struct kho_x { T m; }, where T contains itself. */
function selfMade(kind: 'typedef' | 'array' | 'const' | 'struct') {
  const tag = { typedef: 0x16, array: 0x01, const: 0x26, struct: 0x13 }[kind];
  // 1: struct with name and children; 2: member with name, type, place; 3: the type that is its own type; 4: a struct
  // with a member of itself.
  const abbrev = Uint8Array.from([
    1,
    0x13,
    1,
    0x03,
    0x08,
    0x0b,
    0x0b,
    0,
    0,
    2,
    0x0d,
    0,
    0x03,
    0x08,
    0x49,
    0x11,
    0x38,
    0x0b,
    0,
    0,
    3,
    tag,
    0,
    0x49,
    0x11,
    0,
    0,
    4,
    0x13,
    1,
    0,
    0,
    0,
  ]);
  const name = [...Buffer.from('kho_x\0')];
  const member = (type: number) => [2, 'm'.charCodeAt(0), 0, type, 0];
  const head = [1, ...name, 8];
  const at = 12 + head.length + member(0).length + 1;
  return unit(abbrev, [...head, ...member(at), 0, ...(kind === 'struct' ? [4, ...member(at), 0] : [3, at])]);
}
