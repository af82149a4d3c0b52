// SPDX-License-Identifier: Apache-2.0
// What a field of the handover is changed to: a table by the kind of the field. Every change fits its field: one that
// does not ends the run before the next kernel sees anything.
import type { Random } from '../../util/random.js';
import type { HandoverField } from './fields.js';

/** The mapping below `change:` of a fault. Numbers are text, so that 64 bits survive YAML. */
export interface ChangeText {
  place: string;
  to?: string | number;
  add?: string;
  flip?: number;
  self?: true;
  copy?: string;
  address?: string;
  remove?: true;
}

type Draw = (
  field: HandoverField,
  others: readonly HandoverField[],
  random: Random,
) => Omit<ChangeText, 'place'> | null;

/** `add` wraps at the width of the field: this reaches its sign, its halves and values of no meaning. */
const STEPS = [
  '1',
  '-1',
  '2',
  '-2',
  '8',
  '51',
  '-51',
  '512',
  '-4096',
  '0x10000',
  '0x80000000',
  '0x8000000000000000',
] as const;
/** Addresses that lead nowhere, to memory of others, or beyond what an address can be. */
const ADDRESSES = [
  '0',
  '0x1000',
  '0x100000',
  '0x1000000',
  '0x3fffffff000',
  '0xfffffffffffff000',
  '0xffff888000000000',
] as const;
/** Names and versions of another kernel, of no kernel, and none. They fit the shortest of the fields. */
const TEXTS = ['', 'x', 'luo-v4', 'kho-v3', 'v9', '\u0001', '\u00ff\u00fe'] as const;

/** Another field with the same meaning: a name for a name, a page frame for a page frame. */
const copyOfAlike: Draw = (field, others, random) => {
  const alike = others.filter(({ text, shape }) => shape === field.shape && text !== field.text);
  const other = random.pick(alike);
  return other === undefined ? null : { copy: other.text };
};

const NUMBER: readonly Draw[] = [
  () => ({ to: 0 }),
  () => ({ to: 1 }),
  (_field, _others, random) => ({ add: random.pick(STEPS) }),
  (_field, _others, random) => ({ add: random.pick(STEPS) }),
  (_field, _others, random) => ({ add: `0x${(random.below(2 ** 31) * 2 ** 21 + random.below(2 ** 21)).toString(16)}` }),
  copyOfAlike,
];

const POINTER: readonly Draw[] = [
  (_field, _others, random) => ({ to: random.pick(ADDRESSES) }),
  (_field, _others, random) => ({ add: random.pick(['8', '-8', '4096', '-4096', '0x1000000']) }),
  () => ({ self: true }),
  copyOfAlike,
  (field, others, random) => {
    const other = random.pick(others.filter(({ kind, text }) => kind === 'pointer' && text !== field.text));
    return other === undefined ? null : { copy: other.text };
  },
  (field, others, random) => {
    const other = random.pick(others.filter(({ kind, text }) => kind !== 'tree' && text !== field.text));
    return other === undefined ? null : { address: other.text };
  },
];

const TEXT: readonly Draw[] = [(_field, _others, random) => ({ to: random.pick(TEXTS) }), copyOfAlike];

const BY_KIND: Readonly<Record<HandoverField['kind'], readonly Draw[]>> = {
  number: NUMBER,
  pointer: POINTER,
  text: TEXT,
  tree: [],
};
/** Fields that are one bit. */
const BITS = /\.preserved$/;
/** Fields of a byte or more in which each bit has a meaning. */
const FLAGS = /\.(flags|seals)$|^content|^kho\.map\.leaf|^kho\.root$/;

/** Null if nothing can be done to this field. */
export function changeOf(field: HandoverField, others: readonly HandoverField[], random: Random): ChangeText | null {
  const { text: place } = field;
  if (field.removable && (field.kind === 'tree' || random.below(6) === 0)) return { place, remove: true };
  if (BITS.test(place)) return { place, to: 0 };
  if (FLAGS.test(place) && random.below(2) === 0) return { place, flip: 2 ** random.below(8) };
  const draw = random.pick(BY_KIND[field.kind]);
  const drawn = draw?.(field, others, random) ?? null;
  return drawn === null ? null : { place, ...drawn };
}

/** Whether a kernel may say that it does not know the version: it changed, or the kernel looks for it elsewhere. */
export function isVersion(place: string): boolean {
  return /\.(version|compatible)$|^kho\.node\[[^\]]*\]\.data$/.test(place) || place === 'kho.root';
}
