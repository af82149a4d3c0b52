// SPDX-License-Identifier: Apache-2.0
// What a kernel says of a file may be anything.
import { expect, it } from 'vitest';
import { differences, reportOf } from '../../../src/run/agent/reported.js';
import { readReply } from '../../../src/guest/agent.js';

function stat(fields: object) {
  const reply = readReply(JSON.stringify({ id: 1, ok: true, pos: 0, mode: 0o600, blocks: 8, size: 4096, ...fields }));
  if (reply === null) throw new Error('no reply');
  return reply;
}

it.each([
  ['below zero', { size: -9223372036854771712 }, /^size -9223372036854772000, was 4096$/],
  ['beyond 53 bits', { size: 9223372036854771712 }, /^size 9223372036854772000, was 4096$/],
  ['a position below zero', { pos: -51 }, /^position -51, was 0$/],
])('a size %s is a difference', (_, fields, text) => {
  const want = reportOf(stat({}));
  expect(differences(reportOf(stat(fields)), want)).toEqual([expect.stringMatching(text)]);
});

it('a report without a size comes from no agent of ours', () => {
  expect(() => reportOf(stat({ size: 'many' }))).toThrow('no number size');
});
