// SPDX-License-Identifier: Apache-2.0
// Turns types into layouts: every structure that crosses the kexec, with all structures in it.
import type { Field, Structure } from '../../model/kernel/abi.js';
import { ABI_HEADERS, CROSSING, STAYS } from './rules.js';
import { FormatError } from '../binary/bytes.js';
import { TAG, type TypeEntry, type Types } from '../binary/dwarf.js';

const DEEPEST = 24;
/** Limit on the fields of all structures together, including those without a name. */
const MAX_FIELDS = 200_000;

/**
 * The layouts of the structures that cross the kexec, by name. If two have the same name, the one from the ABI headers
 * counts, otherwise the first.
 */
export function crossingStructures(types: Types): Structure[] {
  const found = new Map<string, Structure>();
  const budget = { fields: MAX_FIELDS };
  for (const entry of types.values()) {
    if (!isWhole(entry) || entry.name === null) continue;
    const declared = entry.file !== null && ABI_HEADERS.test(entry.file);
    const named =
      CROSSING.some((pattern) => pattern.test(entry.name ?? '')) &&
      !STAYS.some((pattern) => pattern.test(entry.name ?? ''));
    if ((!declared && !named) || (found.has(entry.name) && !declared)) continue;
    const structure = layoutOf(types, entry, budget);
    if (!declared && (structure.size === 0 || holdsPointer(structure))) continue;
    found.set(entry.name, structure);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isWhole(entry: TypeEntry): boolean {
  return (entry.tag === TAG.structure || entry.tag === TAG.union) && !entry.declaration;
}

/** A pointer of its own. Next to an integer in a union, it is a handed-over address (DECLARE_KHOSER_PTR). */
function holdsPointer({ fields }: Structure): boolean {
  const place = ({ offset, size }: Field) => `${offset} ${size}`;
  const integers = new Set(fields.filter(({ shape }) => shape.startsWith('int')).map(place));
  return fields.some((field) => field.shape.startsWith('ptr') && !integers.has(place(field)));
}

interface Budget {
  fields: number;
}

function layoutOf(types: Types, entry: TypeEntry, budget: Budget): Structure {
  const fields: Field[] = [];
  addFields(types, entry, { prefix: '', base: 0, depth: 0 }, fields, budget);
  return {
    name: entry.name ?? '',
    kind: entry.tag === TAG.union ? 'union' : 'struct',
    size: entry.byteSize ?? 0,
    file: entry.file?.replace(/^\.\//, '') ?? null,
    fields,
  };
}

interface Place {
  prefix: string;
  /** Bytes from the start of the outermost structure. */
  base: number;
  depth: number;
}

function addFields(
  types: Types,
  holder: TypeEntry,
  { prefix, base, depth }: Place,
  fields: Field[],
  budget: Budget,
): void {
  if (depth > DEEPEST) throw new FormatError(`${holder.name ?? 'a structure'}: nested too deeply`);
  for (const member of holder.children) {
    if (member.tag !== TAG.member) continue;
    if (--budget.fields < 0) throw new FormatError('more fields than any handover has');
    const type = describeType(types, member.type);
    const at = base + placeOf(member, type.size);
    const bits =
      member.bitSize === null ? null : { offset: base * 8 + firstBit(member, type.size), size: member.bitSize };
    const name = prefix + (member.name ?? '');
    // The members of a structure without a name belong to the outer structure.
    if (member.name !== null)
      fields.push({ name, offset: at, size: type.size, type: type.text, shape: type.shape, bits });
    const inner = type.element;
    if (inner !== null)
      addFields(
        types,
        inner,
        { prefix: member.name === null ? prefix : `${name}${type.many ? '[]' : ''}.`, base: at, depth: depth + 1 },
        fields,
        budget,
      );
  }
}

/** Bytes from the start of the outer structure; for a bit field, of the storage with its first bit. */
function placeOf(member: TypeEntry, size: number): number {
  if (member.memberLocation !== null && member.bitSize === null) return member.memberLocation;
  if (member.bitSize === null) return 0;
  const storage = Math.max(1, size);
  return Math.floor(firstBit(member, size) / 8 / storage) * storage;
}

function firstBit(member: TypeEntry, size: number): number {
  if (member.dataBitOffset !== null) return member.dataBitOffset;
  const base = (member.memberLocation ?? 0) * 8;
  if (member.bitOffset === null) return base;
  return base + (member.byteSize ?? size) * 8 - member.bitOffset - (member.bitSize ?? 0);
}

interface TypeText {
  text: string;
  shape: string;
  size: number;
  /** The structure inside this one. */
  element: TypeEntry | null;
  /** It contains several of them. */
  many: boolean;
}

const UNKNOWN: TypeText = { text: '?', shape: '?', size: 0, element: null, many: false };

function describeType(types: Types, offset: number | null, depth = 0): TypeText {
  if (offset === null) return { ...UNKNOWN, text: 'void', shape: 'void' };
  const entry = types.get(offset);
  if (entry === undefined || depth > DEEPEST) return UNKNOWN;
  const next = () => describeType(types, entry.type, depth + 1);
  const plain = (text: string, shape: string, size: number): TypeText => ({
    text,
    shape,
    size,
    element: null,
    many: false,
  });
  switch (entry.tag) {
    case TAG.base: {
      const size = entry.byteSize ?? 0;
      return plain(entry.name ?? '?', `${entry.encoding === DW_ATE_FLOAT ? 'float' : 'int'}${size * 8}`, size);
    }
    case TAG.enumeration:
      return plain(`enum ${entry.name ?? '{}'}`, `int${(entry.byteSize ?? 0) * 8}`, entry.byteSize ?? 0);
    case TAG.pointer:
      return plain(`${pointed(types, entry.type)} *`, 'ptr', entry.byteSize ?? 8);
    case TAG.subroutine:
      return plain('function', 'function', 0);
    case TAG.typedef:
      return { ...next(), text: entry.name ?? '?' };
    case TAG.constant:
    case TAG.volatile:
    case TAG.restrict:
    case TAG.atomic:
      return next();
    case TAG.structure:
    case TAG.union: {
      const word = entry.tag === TAG.union ? 'union' : 'struct';
      return {
        text: `${word} ${entry.name ?? '{}'}`,
        shape: word,
        size: entry.byteSize ?? 0,
        element: entry.declaration ? null : entry,
        many: false,
      };
    }
    case TAG.array: {
      const element = next();
      const counts = entry.children.filter((child) => child.tag === TAG.subrange).map((child) => child.count);
      const dimensions = counts.map((count) => `[${count ?? ''}]`).join('');
      const size = counts.reduce<number>((product, count) => product * (count ?? 0), element.size);
      return {
        text: element.text + dimensions,
        shape: element.shape + dimensions,
        size: Number.isSafeInteger(size) ? size : 0,
        element: element.element,
        many: true,
      };
    }
    default:
      return UNKNOWN;
  }
}

const DW_ATE_FLOAT = 4;

/** Names the target of a pointer, without its members. */
function pointed(types: Types, offset: number | null): string {
  for (let depth = 0, at = offset; depth < 8; depth++) {
    if (at === null) return 'void';
    const entry = types.get(at);
    if (entry === undefined) return '?';
    if (entry.tag === TAG.structure || entry.tag === TAG.union)
      return `${entry.tag === TAG.union ? 'union' : 'struct'} ${entry.name ?? '{}'}`;
    if (entry.name !== null) return entry.name;
    at = entry.type;
  }
  return '?';
}
