// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Step } from '../../../src/model/scenario/scenario.js';
import { parseScenario, ScenarioError } from '../../../src/scenario/index.js';

const PAIR = 'from: a\nto: b\n';

function brief(step: Step): string {
  if (step.op === 'preserve' || step.op === 'retrieve')
    return `${step.epoch} ${step.op} ${step.session} ${step.token} ${step.file}`;
  return 'guest' in step ? `${step.epoch} ${step.op} ${step.guest}` : `${step.epoch} ${step.op}`;
}

function problems(text: string): string[] {
  try {
    parseScenario(text, 'g.yaml');
    return [];
  } catch (error) {
    if (error instanceof ScenarioError)
      return error.problems.map(({ message, hint }) => `${message}${hint === null ? '' : ` (${hint})`}`);
    throw error;
  }
}

test('guests become steps: paused last before the kexec, and resumed first after it', () => {
  const { steps } = parseScenario(
    `${PAIR}sessions:
  - name: vm0
    files: [{name: notes, memfd: 1MiB}]
    guests:
      - {name: "g-{i}", size: 4MiB, count: 2}
      - {name: late, kind: linux, size: 64MiB, preserve: paused, token: 20}
`,
    'g.yaml',
  );
  expect(steps.map(brief)).toEqual([
    '0 create',
    '0 memfd',
    '0 preserve vm0 1 vm0/notes',
    '0 guest-create vm0/g-1',
    '0 guest-create vm0/g-2',
    '0 guest-create vm0/late',
    '0 guest-run vm0/g-1',
    '0 guest-run vm0/g-2',
    '0 guest-run vm0/late',
    '0 guest-wait vm0/g-1',
    '0 guest-wait vm0/g-2',
    '0 guest-wait vm0/late',
    '0 preserve vm0 2 vm0/g-1.ram',
    '0 preserve vm0 3 vm0/g-1.state',
    '0 preserve vm0 4 vm0/g-2.ram',
    '0 preserve vm0 5 vm0/g-2.state',
    '0 load',
    '0 guest-pause vm0/g-1',
    '0 guest-pause vm0/g-2',
    '0 guest-pause vm0/late',
    '0 guest-save vm0/g-1',
    '0 guest-save vm0/g-2',
    '0 guest-save vm0/late',
    '0 preserve vm0 20 vm0/late.ram',
    '0 preserve vm0 21 vm0/late.state',
    '0 kexec',
    '1 retrieve-session',
    '1 retrieve vm0 1 vm0/notes',
    '1 retrieve vm0 2 vm0/g-1.ram',
    '1 retrieve vm0 3 vm0/g-1.state',
    '1 retrieve vm0 4 vm0/g-2.ram',
    '1 retrieve vm0 5 vm0/g-2.state',
    '1 retrieve vm0 20 vm0/late.ram',
    '1 retrieve vm0 21 vm0/late.state',
    '1 guest-restore vm0/g-1',
    '1 guest-restore vm0/g-2',
    '1 guest-restore vm0/late',
    '1 guest-resume vm0/g-1',
    '1 guest-resume vm0/g-2',
    '1 guest-resume vm0/late',
    '1 check',
    '1 guest-check vm0/g-1',
    '1 guest-check vm0/g-2',
    '1 guest-check vm0/late',
    '1 finish',
    '1 close',
  ]);
});

test('a guest gets its device before it runs, and before it resumes', () => {
  const { steps, hardware } = parseScenario(
    `${PAIR}iommu: intel
devices:
  - {name: edu0, device: edu, at: "05.0", preserve: if-supported, session: vm0}
  - {name: other, device: edu, at: "06.0"}
sessions: [{name: vm0, guests: [{size: 4MiB, devices: [edu0]}]}]
`,
    'g.yaml',
  );
  expect(steps.map((step) => ('device' in step ? `${step.epoch} ${step.op} ${step.device}` : brief(step)))).toEqual([
    '0 create',
    '0 guest-create vm0/guest',
    '0 device-open edu0',
    '0 device-map edu0',
    '0 guest-attach edu0',
    '0 guest-run vm0/guest',
    '0 guest-wait vm0/guest',
    '0 preserve vm0 1 vm0/guest.ram',
    '0 preserve vm0 2 vm0/guest.state',
    '0 device-check edu0',
    '0 device-preserve edu0',
    '0 device-open other',
    '0 device-check other',
    '0 load',
    '0 guest-pause vm0/guest',
    '0 guest-save vm0/guest',
    '0 device-close edu0',
    '0 device-close other',
    '0 kexec',
    '1 retrieve-session',
    '1 retrieve vm0 1 vm0/guest.ram',
    '1 retrieve vm0 2 vm0/guest.state',
    '1 guest-restore vm0/guest',
    '1 device-retrieve edu0',
    '1 device-open edu0',
    '1 device-map edu0',
    '1 guest-attach edu0',
    '1 guest-resume vm0/guest',
    '1 device-open other',
    '1 device-check other',
    '1 guest-check vm0/guest',
    '1 device-check edu0',
    '1 finish',
    '1 close',
    '1 device-close other',
  ]);
  // Its guest has the tokens 1 and 2.
  expect(hardware.devices[0]).toMatchObject({
    token: 3,
    guest: 'vm0/guest',
    map: [{ file: 'vm0/guest.ram', iova: 0, rights: 'rw' }],
  });
  expect(steps.find(({ op }) => op === 'guest-wait')).toMatchObject({ ticks: 60 });
});

const EDU = 'iommu: intel\ndevices: [{name: edu0, device: edu, at: "05.0"}, {name: disk, device: nvme, at: "06.0"}]\n';
const edus = (count: number) => {
  const devices = Array.from({ length: count }, (_, i) => `{name: edu${i}, device: edu, at: "0${i + 3}.0"}`);
  return `iommu: intel\ndevices: [${devices.join(', ')}]\n`;
};

test.each([
  [
    `${EDU}sessions: [{name: s, guests: [{size: 4MiB, devices: [edu1]}]}]`,
    'no device "edu1" is in this scenario (did you mean "edu0"?)',
  ],
  [
    `${EDU}sessions: [{name: s, guests: [{size: 4MiB, devices: [disk]}]}]`,
    'expected an edu, because the bare guest drives no other device; "disk" is nvme',
  ],
  [`${EDU}sessions: [{name: s, guests: [{size: 4MiB, devices: [edu0, edu0]}]}]`, '"edu0" is named twice'],
  [
    `${EDU}sessions: [{name: s, guests: [{size: 4MiB, count: 2, devices: [edu0]}]}]`,
    'expected a device that no other guest uses; "edu0" belongs to guest "s/guest-1"',
  ],
  [
    `${EDU}sessions: [{name: s, guests: [{size: 64MiB, kind: linux, devices: [edu0]}]}]`,
    'only the bare guest can use devices; this one is linux',
  ],
  [
    `${EDU}sessions: [{name: s, guests: [{size: 512MiB, devices: [edu0]}]}]`,
    'expected at most 256MiB for a guest with a device, because edu has 28 address bits; found 536870912 bytes',
  ],
  [
    `${EDU.replace('iommu: intel', 'iommu: none')}sessions: [{name: s, guests: [{size: 4MiB, devices: [edu0]}]}]`,
    'expected an IOMMU, because a guest can only use a device behind one (add iommu: intel)',
  ],
  [
    `${EDU.replace('at: "05.0"', 'at: "05.0", dma: in-flight, map: [{file: s/f, iova: 0x0}]')}sessions: ` +
      '[{name: s, files: [{name: f, memfd: 1MiB}], guests: [{size: 4MiB, devices: [edu0]}]}]',
    'map cannot be used with a guest\'s device; "edu0" belongs to "s/guest", with all of its memory mapped',
  ],
  [
    `${EDU}recover: update\nsessions: [{name: s, guests: [{size: 4MiB, devices: [edu0]}]}]`,
    'recovery by another update cannot carry devices of guests (write recover: reboot)',
  ],
  [
    `${EDU}steps: [{guest-create: {guest: g, size: 4MiB}}, {device-open: edu0}, {guest-attach: {guest: ` +
      'g, device: edu0}}, kexec]',
    'guest "g" was created without device "edu0" (write devices: [edu0] in its guest-create)',
  ],
  [
    `${EDU}steps: [{guest-create: {guest: g, size: 4MiB, devices: [edu0]}}, {guest-attach: {guest: g, device: ` +
      'edu0}}, kexec]',
    'device "edu0" is not open here (write - device-open before)',
  ],
  [
    `${edus(5)}sessions: [{name: s, guests: [{size: 4MiB, devices: [edu0, edu1, edu2, edu3, edu4]}]}]`,
    'expected at most 4 devices in a guest',
  ],
])("a device that cannot be a guest's: %s", (text, message) => {
  expect(problems(PAIR + text)).toContain(message);
});

test('each guest has its own seed, from its name or counted from the given one', () => {
  const seeds = (guest: string) =>
    parseScenario(`${PAIR}sessions: [{name: "s-{i}", count: 2, guests: [${guest}]}]`, 'g.yaml').steps.flatMap((step) =>
      step.op === 'guest-create' ? [step.spec.seed] : [],
    );
  expect(new Set(seeds('{size: 4MiB, count: 3}')).size).toBe(6);
  expect(seeds('{size: 4MiB, count: 3, seed: 10}')).toEqual([10, 11, 12, 13, 14, 15]);
});

test.each([
  ['sessions: [{name: s, guests: [{size: 4097}]}]', 'expected a multiple of 4096 bytes, found 4097 bytes'],
  ['sessions: [{name: s, guests: [{size: 64KiB}]}]', 'expected 1MiB to 3GiB for a guest, found 65536 bytes'],
  [
    'sessions: [{name: s, guests: [{size: 16MiB, kind: linux}]}]',
    'expected at least 48MiB for a guest with Linux, found 16777216 bytes',
  ],
  [
    'sessions: [{name: s, guests: [{size: 64MiB, kind: linux, features: [debugregs]}]}]',
    'only the bare guest has features; this one is linux',
  ],
  [
    'sessions: [{name: s, guests: [{size: 4MiB, name: a, count: 2}]}]',
    'expected a name with {i}, because there are 2 copies; found "a" (did you mean "a-{i}"?)',
  ],
  [
    'sessions: [{name: s, files: [{memfd: 1MiB, token: 2}], guests: [{size: 4MiB, token: 1}]}]',
    'expected two unique tokens in session "s"; 1 or 2 is taken',
  ],
  [
    'sessions: [{name: s, guests: [{size: 2GiB}]}]',
    "expected files of at most 1024 MiB in all, the machine's memory; found 2048 MiB up to here",
  ],
  [
    'steps: [{guest-create: {guest: vm, size: 4MiB}}, {guest-run: vn}, kexec]',
    'no guest "vn" is created in this scenario (did you mean "vm"?)',
  ],
  [
    'steps: [{guest-create: {guest: vm, size: 4MiB}}, kexec, {guest-pause: vm}]',
    'no guest "vm" exists in this epoch (there is none)',
  ],
  [
    'steps: [{guest-create: {guest: vm, size: 4MiB}}, {guest-restore: vm}, kexec]',
    'guest "vm" exists already (write - guest-close before)',
  ],
  [
    'steps: [{guest-create: {guest: vm, size: 4MiB}}, kexec, {guest-restore: {guest: vm, ram: vn.ram}}]',
    'no file "vn.ram" is open here (there is none)',
  ],
])('%s', (text, message) => {
  expect(problems(PAIR + text)).toContain(message);
});
