// SPDX-License-Identifier: Apache-2.0
// Which scenarios start from which rung at the latest.
import { describe, expect, it } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { eligible, hasJumpFault } from '../../src/snapshot/index.js';

const SESSIONS = 'sessions: [{name: s, files: [{name: f, memfd: 16KiB}]}]\n';
const scenario = (more: string) => parseScenario(`from: a\nto: b\n${more}`, 'x.yaml');
const of = (more: string, knowsJump = true) => eligible(scenario(more), { knowsJump });
/** Steps of the first kernel, and of the next one. */
const steps = (first: string, next = '') =>
  `steps:\n  - create: s\n${first}  - kexec\n  - retrieve: s\n${next}  - finish: s\nexpect: preserved\n`;
const EXEC = "  - exec: 'true'\n";

describe('a scenario starts at the jump', () => {
  it.each([
    ['if it only carries files', SESSIONS],
    ['if it runs a command in the next kernel', steps('', EXEC)],
    [
      'if a field of the handover is changed there',
      `${SESSIONS}faults: [{at: jump, change: {place: luo.number, to: 9}}]\n`,
    ],
    ['if a page is flipped there', `${SESSIONS}faults: [{at: jump, flip: {file: s/f, page: 1}}]\n`],
  ])('%s', (_, more) => expect(of(more)).toEqual({ rung: 'jump' }));
});

describe('a scenario starts at booted', () => {
  it.each([
    ['if a command runs in the first kernel', steps(EXEC), 'a command'],
    [
      'if a fault comes before the jump',
      `${SESSIONS}faults: [{at: before-kexec, flip: {file: s/f, page: 1}}]\n`,
      'a fault',
    ],
    ['if the machine is reset at the jump', `${SESSIONS}faults: [{at: jump, do: reset}]\n`, 'a fault at the jump acts'],
    ['if the update is to be refused', `${SESSIONS}expect: refused\n`, 'to be refused'],
    ['if the update is called off', `${SESSIONS}kexec: abort\nexpect: refused\n`, 'the update is called off'],
  ])('%s', (_, more, why) => expect(of(more)).toMatchObject({ rung: 'booted', why: expect.stringContaining(why) }));

  it('if the lab does not know where the first kernel jumps', () => {
    expect(of(SESSIONS, false)).toMatchObject({ rung: 'booted', why: expect.stringContaining('does not know') });
  });
});

it('a fault at the first jump is noticed', () => {
  expect(hasJumpFault(scenario(`${SESSIONS}faults: [{at: jump, flip: {file: s/f, page: 1}}]\n`))).toBe(true);
  expect(hasJumpFault(scenario(SESSIONS))).toBe(false);
});
