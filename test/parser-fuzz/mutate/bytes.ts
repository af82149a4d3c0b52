// SPDX-License-Identifier: Apache-2.0
// Mutates bytes and text: flips, inserts, deletes, splices, repeats, truncates, and puts in what harms parsers.
import type { Random } from '../../../src/util/random.js';

/** Numbers at the edges of what a parser can hold. */
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '1e308',
  '1e999',
  '-1e999',
  '1e-400',
  '0x7fffffffffffffff',
  '0xffffffffffffffff',
  '0b1',
  '0o17',
  'NaN',
  'Infinity',
  '-Infinity',
  '1_000',
  '99999999999999999999999999999999999999999999',
  '0.1',
  '.5',
  '5.',
];
/** Letters that text does not expect. */
const WORDS = [
  '\0',
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\x1b[31m',
  '\r',
  '\n',
  '\r\n',
  '\t',
  '\x7f',
  '\x85',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ufffd',
  '\u{1f600}',
  '\ud800',
  'ß',
  '../',
  '../../../../etc/passwd',
  '/dev/zero',
  '~',
  '%s%s%n',
  '$(id)',
  '`id`',
  '${x}',
  "'",
  '"',
  '\\',
  '\\u0000',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '#',
  '&',
  '*',
  '!',
  '|',
  '>',
  '@',
  '%',
  '?',
  '- ',
  '<<: *a',
  '!!binary',
  '!!js/function',
  '&a',
  '*a',
  '---\n',
  '...',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'null',
  'true',
  'undefined',
];
const EVIL_BYTES = [0, 1, 0x0a, 0x0d, 0x1b, 0x20, 0x22, 0x2f, 0x5c, 0x7f, 0x80, 0xc0, 0xed, 0xf0, 0xfe, 0xff];
const MAX_STEPS = 6;
/** Bytes that one step adds. */
const MAX_ADDED = 32 << 10;

const at = (bytes: Buffer, random: Random): number => random.below(bytes.length + 1);

/** A part of the input, from a byte to a few thousand. */
function part(bytes: Buffer, random: Random): [number, number] {
  const from = at(bytes, random);
  return [from, Math.min(bytes.length, from + random.upTo(Math.max(1, bytes.length)))];
}

const put = (bytes: Buffer, from: number, to: number, with_: Buffer | string): Buffer =>
  Buffer.concat([bytes.subarray(0, from), Buffer.from(with_ as string), bytes.subarray(to)]);

type Step = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const flip: Step = (bytes, random) => {
  const copy = Buffer.from(bytes);
  for (let count = random.upTo(16); count > 0 && copy.length > 0; count--) {
    const where = random.below(copy.length);
    copy[where] = random.chance(0.5)
      ? (copy[where] as number) ^ (1 << random.below(8))
      : (random.pick(EVIL_BYTES) ?? 0);
  }
  return copy;
};

const remove: Step = (bytes, random) => put(bytes, ...part(bytes, random), '');
const truncate: Step = (bytes, random) => bytes.subarray(0, at(bytes, random));
const keepEnd: Step = (bytes, random) => bytes.subarray(at(bytes, random));

const insertWord: Step = (bytes, random) => {
  const where = at(bytes, random);
  return put(bytes, where, where, random.pick(WORDS) ?? '');
};

const insertBytes: Step = (bytes, random) => {
  const where = at(bytes, random);
  return put(bytes, where, where, Buffer.from(Array.from({ length: random.upTo(64) }, () => random.below(256))));
};

/** Repeats a part, which finds loops that take more than linear time. */
const repeat: Step = (bytes, random) => {
  const [from, to] = part(bytes, random);
  const length = Math.max(1, to - from);
  const times = Math.min(random.upTo(4096), Math.max(1, Math.floor(MAX_ADDED / length)));
  return put(bytes, to, to, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(from, to))));
};

const repeatWord: Step = (bytes, random) => {
  const word = random.pick(WORDS) ?? '';
  const where = at(bytes, random);
  return put(bytes, where, where, word.repeat(Math.min(random.upTo(8192), Math.floor(MAX_ADDED / (word.length + 1)))));
};

const splice: Step = (bytes, random, others) => {
  const other = random.pick(others) ?? bytes;
  const [from, to] = part(other, random);
  return put(bytes, ...part(bytes, random), other.subarray(from, Math.min(to, from + MAX_ADDED)));
};

/** Puts another number where one is written. */
const number: Step = (bytes, random) => {
  const text = bytes.toString('latin1');
  const start = at(bytes, random);
  const match = /\d+/.exec(text.slice(start)) ?? /\d+/.exec(text);
  if (match === null) return insertWord(bytes, random, []);
  const from = (text.slice(start).startsWith(match[0], match.index) ? start : 0) + match.index;
  return put(bytes, from, from + match[0].length, random.pick(NUMBERS) ?? '0');
};

const line: Step = (bytes, random) => {
  const lines = bytes.toString('latin1').split('\n');
  const [a, b] = [random.below(lines.length), random.below(lines.length)];
  const kind = random.below(4);
  if (kind === 0) lines.splice(a, 1);
  else if (kind === 1) lines.splice(a, 0, lines[b] ?? '');
  else if (kind === 2) [lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? ''];
  else lines[a] = `${' '.repeat(random.below(12))}${(lines[a] ?? '').trim()}`;
  return Buffer.from(lines.join('\n'), 'latin1');
};

/** A word of 1 to 8 bytes, in either order, at the edges of its range. */
const binary: Step = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const size = random.pick([1, 2, 4, 8] as const);
  if (copy.length < size) return copy;
  const where = random.chance(0.7)
    ? random.below(Math.floor(copy.length / size)) * size
    : random.below(copy.length - size + 1);
  const edges = [0n, 1n, 2n ** BigInt(size * 8) - 1n, 2n ** BigInt(size * 8 - 1), BigInt(copy.length), BigInt(where)];
  const value = BigInt.asUintN(size * 8, (random.pick(edges) ?? 0n) + BigInt(random.below(3) - 1));
  for (let i = 0; i < size; i++) {
    const shift = BigInt(8 * i);
    copy[where + (random.chance(0.9) ? i : size - 1 - i)] = Number((value >> shift) & 0xffn);
  }
  return copy;
};

const BYTE_STEPS: readonly Step[] = [flip, flip, binary, binary, binary, remove, truncate, insertBytes, repeat, splice];
const TEXT_STEPS: readonly Step[] = [
  flip,
  remove,
  truncate,
  keepEnd,
  insertWord,
  insertWord,
  repeat,
  repeatWord,
  splice,
  number,
  number,
  line,
  line,
];

function apply(steps: readonly Step[], seed: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes = seed;
  for (let count = random.upTo(MAX_STEPS); count > 0; count--)
    bytes = (random.pick(steps) ?? flip)(bytes, random, others);
  return bytes;
}

export const mutateBytes = (seed: Buffer, random: Random, others: readonly Buffer[]): Buffer =>
  apply(BYTE_STEPS, seed, random, others);

export const mutateText = (seed: Buffer, random: Random, others: readonly Buffer[]): Buffer =>
  apply(TEXT_STEPS, seed, random, others);
