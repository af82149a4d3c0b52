// SPDX-License-Identifier: Apache-2.0
// Tokens have 64 bits, as a number or as text.
import { expect, test } from 'vitest';
import { freeToken, tokenAfter, tokenOf } from '../../src/model/scenario/token.js';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const HEAD = 'from: a\nto: b\n';
const MAX = '18446744073709551615';

const tokensOf = (text: string) =>
  parseScenario(HEAD + text, 'x.yaml').steps.flatMap((step) => (step.op === 'preserve' ? [step.token] : []));

test('each token has one form', () => {
  expect([tokenOf('007'), tokenOf(7), tokenOf(7n)]).toEqual([7, 7, 7]);
  expect(tokenOf('9007199254740991')).toBe(9007199254740991);
  expect(tokenOf('9007199254740992')).toBe('9007199254740992');
  expect(tokenOf(`00${MAX}`)).toBe(MAX);
  for (const wrong of ['18446744073709551616', '-1', '1e3', '', ' 1', '0x10', 2 ** 53, 0.5, -1, Number.NaN])
    expect(tokenOf(wrong), String(wrong)).toBeNull();
});

test('finds the next token, and the next free one', () => {
  expect(tokenAfter('9007199254740991', 1)).toBe('9007199254740992');
  expect(tokenAfter(MAX, 1)).toBeNull();
  expect(freeToken(new Set([3, 1]), 1)).toBe(4);
  expect(freeToken(new Set(), 1)).toBe(1);
  expect(freeToken(new Set([MAX, 1, 3]), 1, 2)).toBe(4);
});

test('numbers and digits in quotes are the same token', () => {
  expect(tokensOf(`sessions: [{name: s, files: [{memfd: 4KiB, token: ${MAX}}, {memfd: 4KiB, token: 0}]}]\n`)).toEqual([
    MAX,
    0,
  ]);
  expect(
    tokensOf(`sessions: [{name: s, files: [{memfd: 4KiB, token: "${MAX}"}, {memfd: 4KiB, token: "0"}]}]\n`),
  ).toEqual([MAX, 0]);
  expect(
    tokensOf(
      'sessions: [{name: s, files: [{memfd: 4KiB, token: 9007199254740993}, {memfd: 4KiB, token: ' +
        '9007199254740992}]}]\n',
    ),
  ).toEqual(['9007199254740993', '9007199254740992']);
});

test('copies and guests after a large token', () => {
  expect(
    tokensOf(
      'sessions: [{name: s, files: [{memfd: 4KiB, token: 9007199254740991, count: 2, name: "f-{i}"}], guests: ' +
        '[{size: 1MiB}]}]\n',
    ),
  ).toEqual([9007199254740991, '9007199254740992', '9007199254740993', '9007199254740994']);
});

test.each([
  [
    `sessions: [{name: s, files: [{memfd: 4KiB, token: 18446744073709551616}]}]\n`,
    '3:51 expected a token: a whole number from 0 to 18446744073709551615, found "18446744073709551616"',
  ],
  [
    `sessions: [{name: s, files: [{memfd: 4KiB, token: ${MAX}, count: 2, name: "f-{i}"}]}]\n`,
    '3:51 expected a token: a whole number from 0 to 18446744073709551615; the token of copy 2 is larger',
  ],
  [
    `sessions: [{name: s, guests: [{size: 1MiB, token: ${MAX}}]}]\n`,
    '3:51 expected a token: a whole number from 0 to 18446744073709551615; ' +
      'a guest needs two, and those of copy 1 are larger',
  ],
  [
    `sessions: [{name: s, files: [{memfd: 4KiB, token: ${MAX}, name: a}, {memfd: 4KiB, token: ` +
      `"${MAX}", name: b}]}]\n`,
    `3:104 expected a unique token in session "s"; ${MAX} is taken`,
  ],
])('%s', (text, message) => {
  expect(problemsOf(() => parseScenario(HEAD + text, 'x.yaml'))).toEqual([expect.stringContaining(message)]);
});
