// SPDX-License-Identifier: Apache-2.0
// Checks `change:` of a fault: a place of the handover, and the change of the value there.
import type { Fault } from '../../model/scenario/scenario.js';
import type { Change } from '../../model/scenario/place.js';
import type { Path } from '../source/document.js';
import { type ParsedPlace, parsePlace, type PlaceKind } from './place.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { CHANGE_WORDS, type ChangeInput } from '../schema/change.js';

const NUMBER = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i;
const SIGNED = /^-?(0x[0-9a-f]{1,16}|\d{1,20})$/i;

const KIND_TEXTS: Record<PlaceKind, string> = {
  text: 'text',
  number: 'a number',
  pointer: 'an address',
  tree: 'a node of a tree',
};

/** Null if there is a problem, which is reported. */
export function changeOf(input: ChangeInput, path: Path, problems: Problems): Fault | null {
  const parsed = parsePlace(input.place);
  if ('message' in parsed) {
    problems.add([...path, 'place'], parsed.message, parsed.hint);
    return null;
  }
  const words = CHANGE_WORDS.filter((word) => input[word] !== undefined);
  const [word] = words;
  if (word === undefined || words.length !== 1) {
    problems.add(path, `expected exactly one of ${CHANGE_WORDS.join(', ')}`);
    return null;
  }
  const change = parseChange(word, input, parsed);
  if (typeof change === 'string') {
    problems.add([...path, word], change);
    return null;
  }
  return { kind: 'change', text: input.place, place: parsed.place, change, side: 'outgoing' };
}

function parseChange(
  word: (typeof CHANGE_WORDS)[number],
  input: ChangeInput,
  { kind, removable }: ParsedPlace,
): Change | string {
  const isA = `${shown(input.place)} is ${KIND_TEXTS[kind]}`;
  const numeric = kind === 'number' || kind === 'pointer';
  switch (word) {
    case 'to':
      if (kind === 'text')
        return typeof input.to === 'string'
          ? { how: 'text', text: input.to }
          : `${isA}; expected text, found ${shown(input.to)}`;
      return numeric && NUMBER.test(String(input.to))
        ? { how: 'number', value: String(input.to) }
        : `${isA}; expected ${numeric ? 'a whole number' : 'remove'}, found ${shown(input.to)}`;
    case 'add':
      return numeric && SIGNED.test(String(input.add))
        ? { how: 'add', value: signed(String(input.add)) }
        : `${isA}; expected a whole number to add to a number, found ${shown(input.add)}`;
    case 'flip':
      return numeric && NUMBER.test(String(input.flip))
        ? { how: 'flip', mask: String(input.flip) }
        : `${isA}; expected bits of a number, found ${shown(input.flip)}`;
    case 'self':
      return kind === 'pointer' ? { how: 'self' } : `${isA}; only an address can be made to point to its own structure`;
    case 'copy':
    case 'address':
      return changeFrom(word, input[word] ?? '', { kind, isA });
    case 'remove':
      return removable ? { how: 'remove' } : `${isA}; only a property or a node of a tree can be removed`;
  }
}

/** A copy has the same kind of value. Only an address can become that of a structure. */
function changeFrom(
  how: 'copy' | 'address',
  text: string,
  { kind, isA }: { kind: PlaceKind; isA: string },
): Change | string {
  const other = parsePlace(text);
  if ('message' in other) return other.hint === null ? other.message : `${other.message}; ${other.hint}`;
  if (kind === 'tree' || other.kind === 'tree') return `${isA}; only a number, an address or text can be copied`;
  if (how === 'address' && kind !== 'pointer') return `${isA}; only an address can be made to point to a structure`;
  if (how === 'copy' && (kind === 'text') !== (other.kind === 'text'))
    return `${isA}, but ${shown(text)} is ${KIND_TEXTS[other.kind]}`;
  return { how, text, place: other.place };
}

/** BigInt() does not accept a sign before 0x. */
function signed(text: string): string {
  return text.startsWith('-') ? String(-BigInt(text.slice(1))) : text;
}
