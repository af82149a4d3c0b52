// SPDX-License-Identifier: Apache-2.0
// Mutates values as JSON and YAML have them: other types, huge and deep ones, and keys that JavaScript treats in a way
// of its own.
import { stringify } from 'yaml';
import type { Random } from '../../../src/util/random.js';
import { mutateText } from './bytes.js';

type Value = unknown;
type Parent = Record<string, Value> | Value[];

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'length', '', '0', '\u0000', 'a'.repeat(3000)];
const MAX_ITEMS = 3000;
const MAX_OBJECTS = 40;
const MAX_DEPTH = 2000;

function leaf(random: Random): Value {
  return random.pick([
    null,
    true,
    false,
    0,
    -0,
    -1,
    1,
    0.5,
    1e308,
    2 ** 53,
    -(2 ** 53) - 2,
    1e21,
    4294967296,
    '',
    ' ',
    '0',
    '__proto__',
    'x'.repeat(random.upTo(20_000)),
    '\u0000',
    '\x1b[2J',
    '\ud800',
    '../..',
    '/',
    '1e999',
    'null',
    [],
    {},
    [[]],
    [null],
    { __proto__: null },
    '2026-11-28T00:00:00Z',
    '0xffffffffffffffff',
    '64MiB',
    '99999999TiB',
    '7.3.4',
  ]);
}

function deep(random: Random): Value {
  let value = leaf(random);
  const isList = random.chance(0.5);
  for (let depth = random.upTo(MAX_DEPTH); depth > 0; depth--) value = isList ? [value] : { a: value };
  return value;
}

/** Every place in a value that can be changed, bounded. */
function places(root: Value): { parent: Parent; key: string | number }[] {
  const found: { parent: Parent; key: string | number }[] = [];
  const open: Value[] = [root];
  while (open.length > 0 && found.length < 5000) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    for (const key of keys) {
      found.push({ parent: value as Parent, key });
      open.push((value as Record<string | number, Value>)[key]);
    }
  }
  return found;
}

function define(parent: Parent, key: string | number, value: Value): void {
  // Assigning __proto__ would change the prototype of the value under mutation.
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Changes one place of a tree. Returns the tree. */
export function changeTree(root: Value, random: Random, donor: Value): Value {
  const all = places(root);
  const place = random.pick(all);
  if (place === undefined || random.chance(0.02)) return random.chance(0.5) ? deep(random) : leaf(random);
  const { parent, key } = place;
  const old = (parent as Record<string | number, Value>)[key];
  switch (random.below(9)) {
    case 0:
    case 1:
      define(parent, key, leaf(random));
      break;
    case 2:
      if (Array.isArray(parent)) parent.splice(key as number, 1);
      else delete parent[key];
      break;
    case 3:
      define(parent, key, random.chance(0.5) ? [old] : { [String(key)]: old });
      break;
    case 4:
      define(parent, key, deep(random));
      break;
    case 5: {
      const other = random.pick(places(donor));
      // A copy: otherwise a later step could close a circle.
      if (other !== undefined)
        define(parent, key, structuredClone((other.parent as Record<string | number, Value>)[other.key]));
      break;
    }
    case 6:
      if (Array.isArray(parent))
        parent.push(...Array<Value>(random.upTo(typeof old === 'object' ? MAX_OBJECTS : MAX_ITEMS)).fill(old));
      else define(parent, random.pick(KEYS) ?? '', random.chance(0.5) ? old : leaf(random));
      break;
    case 7:
      if (typeof old === 'number') define(parent, key, (random.pick([-1, 1e9, 0.5, 2 ** 31, 1e15]) ?? 0) + old);
      else if (typeof old === 'string')
        define(parent, key, mutateText(Buffer.from(old), random, []).toString('utf8').slice(0, 20_000));
      else define(parent, key, leaf(random));
      break;
    default: {
      const other = random.pick(all);
      if (other === undefined) break;
      const theirs = (other.parent as Record<string | number, Value>)[other.key];
      define(parent, key, typeof theirs === 'object' ? structuredClone(theirs) : theirs);
    }
  }
  return root;
}

/** Parsed once for each seed. */
const parsed = new WeakMap<Buffer, Value>();

function valueOf(seed: Buffer, parse: (text: string) => Value): Value {
  if (!parsed.has(seed)) parsed.set(seed, parse(seed.toString('utf8')));
  return parsed.get(seed);
}

function changed(seed: Buffer, random: Random, seeds: readonly Buffer[], parse: (text: string) => Value): Value {
  let root = structuredClone(valueOf(seed, parse));
  const donor = structuredClone(valueOf(random.pick(seeds) ?? seed, parse));
  for (let count = random.upTo(4); count > 0; count--) root = changeTree(root, random, donor);
  return root;
}

/** Twice the same key, which a tree cannot hold. */
function duplicated(text: string, random: Random): string {
  const keys = [...text.matchAll(/"[^"\\]{1,40}":/g)];
  const key = random.pick(keys);
  return key === undefined ? text : `${text.slice(0, key.index)}${key[0]}null,${text.slice(key.index)}`;
}

export function mutateJson(seed: Buffer, random: Random, seeds: readonly Buffer[]): Buffer {
  if (random.chance(0.2)) return mutateText(seed, random, seeds);
  let text: string;
  try {
    text = JSON.stringify(changed(seed, random, seeds, JSON.parse)) ?? 'null';
  } catch {
    // Two deep values in each other are too deep to be copied or written.
    return mutateText(seed, random, seeds);
  }
  const bytes = Buffer.from(random.chance(0.1) ? duplicated(text, random) : text);
  return random.chance(0.1) ? mutateText(bytes, random, seeds) : bytes;
}

export function yamlMutator(parse: (text: string) => unknown) {
  return (seed: Buffer, random: Random, seeds: readonly Buffer[]): Buffer => {
    if (random.chance(0.5)) return mutateText(seed, random, seeds);
    let text: string;
    try {
      text = stringify(changed(seed, random, seeds, parse), { aliasDuplicateObjects: random.chance(0.3) });
    } catch {
      // Too deep for the writer, so the text has to do it.
      return Buffer.concat([seed, Buffer.from(`\nx: ${'['.repeat(random.upTo(MAX_DEPTH))}`)]);
    }
    return random.chance(0.2) ? mutateText(Buffer.from(text), random, seeds) : Buffer.from(text);
  };
}
