// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Step } from '../../src/model/scenario.js';
import { parseScenario, ScenarioError } from '../../src/scenario/index.js';

const PAIR = 'from: a\nto: b\n';

function brief(step: Step): string {
  if (step.op === 'preserve' || step.op === 'retrieve') return `${step.epoch} ${step.op} ${step.session} ${step.token} ${step.file}`;
  return 'guest' in step ? `${step.epoch} ${step.op} ${step.guest}` : `${step.epoch} ${step.op}`;
}

function problems(text: string): string[] {
  try {
    parseScenario(text, 'g.yaml');
    return [];
  } catch (error) {
    if (error instanceof ScenarioError) return error.problems.map(({ message, hint }) => `${message}${hint === null ? '' : ` (${hint})`}`);
    throw error;
  }
}

test('guests become steps: stopped last before the kexec, and the first to go on after it', () => {
  const { steps } = parseScenario(`${PAIR}sessions:
  - name: vm0
    files: [{name: notes, memfd: 1MiB}]
    guests:
      - {name: "g-{i}", size: 4MiB, count: 2}
      - {name: late, kind: linux, size: 64MiB, preserve: paused, token: 20}
`, 'g.yaml');
  expect(steps.map(brief)).toEqual([
    '0 create', '0 memfd', '0 preserve vm0 1 vm0/notes',
    '0 guest-create vm0/g-1', '0 guest-create vm0/g-2', '0 guest-create vm0/late', '0 guest-run vm0/g-1', '0 guest-run vm0/g-2', '0 guest-run vm0/late',
    '0 guest-wait vm0/g-1', '0 guest-wait vm0/g-2', '0 guest-wait vm0/late',
    '0 preserve vm0 2 vm0/g-1.ram', '0 preserve vm0 3 vm0/g-1.state', '0 preserve vm0 4 vm0/g-2.ram', '0 preserve vm0 5 vm0/g-2.state',
    '0 load', '0 guest-pause vm0/g-1', '0 guest-pause vm0/g-2', '0 guest-pause vm0/late', '0 guest-save vm0/g-1', '0 guest-save vm0/g-2', '0 guest-save vm0/late',
    '0 preserve vm0 20 vm0/late.ram', '0 preserve vm0 21 vm0/late.state', '0 kexec',
    '1 retrieve-session', '1 retrieve vm0 1 vm0/notes',
    '1 retrieve vm0 2 vm0/g-1.ram', '1 retrieve vm0 3 vm0/g-1.state', '1 retrieve vm0 4 vm0/g-2.ram', '1 retrieve vm0 5 vm0/g-2.state', '1 retrieve vm0 20 vm0/late.ram', '1 retrieve vm0 21 vm0/late.state',
    '1 guest-restore vm0/g-1', '1 guest-restore vm0/g-2', '1 guest-restore vm0/late', '1 guest-resume vm0/g-1', '1 guest-resume vm0/g-2', '1 guest-resume vm0/late',
    '1 check', '1 guest-check vm0/g-1', '1 guest-check vm0/g-2', '1 guest-check vm0/late', '1 finish', '1 close',
  ]);
});

test('each guest has a seed of its own, derived from its name or counted on', () => {
  const seeds = (guest: string) => parseScenario(`${PAIR}sessions: [{name: "s-{i}", count: 2, guests: [${guest}]}]`, 'g.yaml').steps.flatMap((step) => (step.op === 'guest-create' ? [step.spec.seed] : []));
  expect(new Set(seeds('{size: 4MiB, count: 3}')).size).toBe(6);
  expect(seeds('{size: 4MiB, count: 3, seed: 10}')).toEqual([10, 11, 12, 13, 14, 15]);
});

test.each([
  ['sessions: [{name: s, guests: [{size: 4097}]}]', 'expected whole pages of 4096 bytes, found 4097 bytes'],
  ['sessions: [{name: s, guests: [{size: 64KiB}]}]', 'expected 1MiB to 3GiB for a guest, found 65536 bytes'],
  ['sessions: [{name: s, guests: [{size: 16MiB, kind: linux}]}]', 'expected at least 48MiB for a guest with Linux, found 16777216 bytes'],
  ['sessions: [{name: s, guests: [{size: 64MiB, kind: linux, features: [debugregs]}]}]', 'features are what the bare guest is told to use; this one is linux'],
  ['sessions: [{name: s, guests: [{size: 4MiB, name: a, count: 2}]}]', 'expected a name with {i}, as there are 2 of them; found "a" (did you mean "a-{i}"?)'],
  ['sessions: [{name: s, files: [{memfd: 1MiB, token: 2}], guests: [{size: 4MiB, token: 1}]}]', 'expected two tokens of its own in session "s"; 1 or 2 is taken'],
  ['sessions: [{name: s, guests: [{size: 2GiB}]}]', 'expected files of at most 1024 MiB in all, the machine\'s memory; found 2048 MiB up to here'],
  ['steps: [{guest-create: {guest: vm, size: 4MiB}}, {guest-run: vn}, kexec]', 'no guest "vn" is made in this scenario (did you mean "vm"?)'],
  ['steps: [{guest-create: {guest: vm, size: 4MiB}}, kexec, {guest-pause: vm}]', 'no guest "vm" is there in this epoch (there is none)'],
  ['steps: [{guest-create: {guest: vm, size: 4MiB}}, {guest-restore: vm}, kexec]', 'guest "vm" is there already (write - guest-close before)'],
  ['steps: [{guest-create: {guest: vm, size: 4MiB}}, kexec, {guest-restore: {guest: vm, ram: vn.ram}}]', 'no file "vn.ram" is open here (there is none)'],
])('%s', (text, message) => {
  expect(problems(PAIR + text)).toContain(message);
});
