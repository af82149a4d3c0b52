// SPDX-License-Identifier: Apache-2.0
// `change:` of a fault: a place of the handover, and what is made of it. What cannot fit is said before anything is
// started.
import type { Fault } from '../../model/scenario/scenario.js';
import type { Change } from '../../model/scenario/place.js';
import type { Path } from '../document.js';
import { type ParsedPlace, parsePlace, type PlaceKind } from './place.js';
import { shown } from '../problem.js';
import type { Problems } from '../problems.js';
import { CHANGE_WORDS, type ChangeInput } from '../schema/change.js';

const NUMBER = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i;
const SIGNED = /^-?(0x[0-9a-f]{1,16}|\d{1,20})$/i;

const HOLDS: Record<PlaceKind, string> = {
  text: 'text',
  number: 'a number',
  pointer: 'an address',
  tree: 'a node of a tree',
};

/** Null where something about it is wrong; that is reported. */
export function changeOf(input: ChangeInput, path: Path, problems: Problems): Fault | null {
  const parsed = parsePlace(input.place);
  if ('message' in parsed) {
    problems.add([...path, 'place'], parsed.message, parsed.hint);
    return null;
  }
  const given = CHANGE_WORDS.filter((word) => input[word] !== undefined);
  const [word] = given;
  if (word === undefined || given.length !== 1) {
    problems.add(path, `expected exactly one of ${CHANGE_WORDS.join(', ')}`);
    return null;
  }
  const change = made(word, input, parsed);
  if (typeof change === 'string') {
    problems.add([...path, word], change);
    return null;
  }
  return { kind: 'change', text: input.place, place: parsed.place, change, side: 'outgoing' };
}

function made(
  word: (typeof CHANGE_WORDS)[number],
  input: ChangeInput,
  { kind, removable }: ParsedPlace,
): Change | string {
  const holds = `${shown(input.place)} is ${HOLDS[kind]}`;
  const numeric = kind === 'number' || kind === 'pointer';
  switch (word) {
    case 'to':
      if (kind === 'text')
        return typeof input.to === 'string'
          ? { how: 'text', text: input.to }
          : `${holds}; expected text, found ${shown(input.to)}`;
      return numeric && NUMBER.test(String(input.to))
        ? { how: 'number', value: String(input.to) }
        : `${holds}; expected ${numeric ? 'a whole number' : 'remove'}, found ${shown(input.to)}`;
    case 'add':
      return numeric && SIGNED.test(String(input.add))
        ? { how: 'add', value: signed(String(input.add)) }
        : `${holds}; expected a whole number to add to a number, found ${shown(input.add)}`;
    case 'flip':
      return numeric && NUMBER.test(String(input.flip))
        ? { how: 'flip', mask: String(input.flip) }
        : `${holds}; expected bits of a number, found ${shown(input.flip)}`;
    case 'self':
      return kind === 'pointer'
        ? { how: 'self' }
        : `${holds}; only an address can be made to point to its own structure`;
    case 'remove':
      return removable ? { how: 'remove' } : `${holds}; only a property or a node of a tree can be removed`;
  }
}

/** BigInt() reads no sign before 0x. */
function signed(text: string): string {
  return text.startsWith('-') ? String(-BigInt(text.slice(1))) : text;
}
