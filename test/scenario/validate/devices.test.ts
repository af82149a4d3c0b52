// SPDX-License-Identifier: Apache-2.0
// Devices and the IOMMU in a scenario: their steps, and problems that are found before anything starts.
import { describe, expect, test } from 'vitest';
import { isDeviceAction } from '../../../src/model/scenario/device.js';
import type { Scenario, Step } from '../../../src/model/scenario/scenario.js';
import { parseScenario, ScenarioError } from '../../../src/scenario/index.js';

const HEAD =
  'from: a\nto: b\niommu: intel\nsessions: [{name: vm0, files: [{memfd: 1MiB, name: ram}, {memfd: 8KiB, name: ' +
  'sealed, seals: [write]}, {object: 8KiB, name: obj}]}]\n';
const STEPS = 'from: a\nto: b\niommu: intel\nexpect: lost\n';
const edu = (more = '') => `{name: edu0, device: edu, at: "05.0"${more}}`;

function problems(text: string): string[] {
  try {
    parseScenario(text, 'x.yaml');
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.problems.map(
      ({ line, column, message, hint }) => `${line}:${column} ${message}${hint === null ? '' : `; ${hint}`}`,
    );
  }
  return [];
}

/** A step in a few words. */
function words(step: Step): string {
  if (!isDeviceAction(step)) return step.op;
  const optional = 'optional' in step && step.optional ? '?' : '';
  const mapping = step.op === 'device-map' ? ` ${step.map.file}@${step.map.iova.toString(16)}` : '';
  const token = 'token' in step ? ` ${step.session}/${step.token}` : '';
  return `${step.op}${optional} ${step.device}${mapping}${token}`;
}

/** The device steps of an epoch, and their neighbours. */
function story({ steps }: Scenario, epoch: number): string[] {
  return steps
    .filter(
      (step) =>
        step.epoch === epoch &&
        (isDeviceAction(step) || ['load', 'kexec', 'retrieve', 'finish', 'abort'].includes(step.op)),
    )
    .map(words);
}

describe('the short form', () => {
  const MAP = ', map: [{file: vm0/ram, iova: 0x100000}]';
  const short = (device: string, more = '') =>
    parseScenario(
      'from: a\nto: b\niommu: intel\nsessions: [{name: vm0, files: [{memfd: 1MiB, name: ' +
        `ram}]}]\n${more}devices: [${device}]\n`,
      'x.yaml',
    );

  test('recreate: closed before the kexec, opened and mapped again after it', () => {
    const scenario = short(edu(MAP));
    expect(story(scenario, 0)).toEqual([
      'device-open edu0',
      'device-map edu0 vm0/ram@100000',
      'device-check edu0',
      'load',
      'device-close edu0',
      'kexec',
    ]);
    expect(story(scenario, 1)).toEqual([
      'retrieve',
      'device-open edu0',
      'device-map edu0 vm0/ram@100000',
      'device-check edu0',
      'finish',
      'device-close edu0',
    ]);
  });

  test('a transfer in flight: started last, nothing closed', () => {
    expect(story(short(edu(`${MAP}, dma: in-flight`)), 0).slice(-3)).toEqual(['load', 'device-dma edu0', 'kexec']);
  });

  test('if-supported: retrieved, or recreated if it was not carried', () => {
    const scenario = short(edu(`${MAP}, preserve: if-supported, session: vm0`));
    expect(story(scenario, 0).slice(3)).toEqual(['device-preserve? edu0 vm0/2', 'load', 'device-close? edu0', 'kexec']);
    expect(story(scenario, 1).slice(1, 5)).toEqual([
      'device-retrieve? edu0 vm0/2',
      'device-open? edu0',
      'device-map? edu0 vm0/ram@100000',
      'device-check edu0',
    ]);
  });

  test('required: stays open, and is never opened again', () => {
    const scenario = short(edu(`${MAP}, preserve: required, session: vm0, token: 9`));
    expect(story(scenario, 0).slice(3)).toEqual(['device-preserve edu0 vm0/9', 'load', 'kexec']);
    expect(story(scenario, 1)).toEqual([
      'retrieve',
      'device-retrieve edu0 vm0/9',
      'device-map? edu0 vm0/ram@100000',
      'device-check edu0',
      'finish',
      'device-close edu0',
    ]);
  });

  test('a level means that LUO carries it', () => {
    const [level, plain, optional] = ['{level: address}', 'required', '{level: state, optional: true}'].map(
      (preserve) => short(edu(`${MAP}, preserve: ${preserve}, session: vm0`)).hardware.devices[0],
    );
    expect(level).toMatchObject({ preserve: 'required', level: 'address' });
    expect(plain).toMatchObject({ preserve: 'required', level: 'dma' });
    expect(optional).toMatchObject({ preserve: 'if-supported', level: 'state' });
    expect(() => short(edu(`${MAP}, preserve: {level: none}, session: vm0`))).toThrow(/address|state|dma/);
  });

  test('its iommufd is preserved and retrieved before it', () => {
    const scenario = parseScenario(
      'from: a\nto: b\niommu: {kind: intel, preserve: if-supported}\n' +
        'sessions: [{name: vm0, files: [{memfd: 1MiB, name: ram}]}]\n' +
        `devices: [${edu(`${MAP}, preserve: required, session: vm0`)}]\n`,
      'x.yaml',
    );
    expect(story(scenario, 0).slice(3, 5)).toEqual(['iommu-preserve? edu0 vm0/3', 'device-preserve edu0 vm0/2']);
    expect(story(scenario, 1).slice(1, 3)).toEqual(['iommu-retrieve? edu0 vm0/3', 'device-retrieve edu0 vm0/2']);
  });

  test('after an abort: checked and closed in the old kernel', () => {
    expect(story(short(edu(MAP), 'kexec: abort\nexpect: refused\n'), 0).slice(-4)).toEqual([
      'load',
      'abort',
      'device-check edu0',
      'device-close edu0',
    ]);
  });

  test('a chain: each kernel opens it again', () => {
    const scenario = parseScenario(
      'chain: [a, b, c]\niommu: intel\nsessions: [{name: vm0, files: [{memfd: 1MiB, name: ram}]}]\ndevices: ' +
        `[${edu(MAP)}]\n`,
      'x.yaml',
    );
    expect(story(scenario, 1)).toEqual([
      'retrieve',
      'device-open edu0',
      'device-map edu0 vm0/ram@100000',
      'device-check edu0',
      'finish',
      'load',
      'device-close edu0',
      'kexec',
    ]);
    expect(story(scenario, 2).at(-1)).toBe('device-close edu0');
  });

  test('files that are not retrieved are not mapped', () => {
    const scenario = parseScenario(
      'from: a\nto: b\niommu: intel\nexpect: leak\nsessions: [{name: vm0, retrieve: false, files: [{memfd: ' +
        `1MiB, name: ram}]}]\ndevices: [${edu(MAP)}]\n`,
      'x.yaml',
    );
    expect(story(scenario, 1)).toEqual(['device-open edu0', 'device-check edu0', 'device-close edu0']);
  });

  test('without an IOMMU they have no steps', () => {
    expect(parseScenario(`from: a\nto: b\ndevices: [${edu()}]\n`, 'x.yaml').steps.map(({ op }) => op)).toEqual([
      'load',
      'kexec',
    ]);
  });
});

test('root ports get the lowest free slots', () => {
  const { hardware } = parseScenario(
    `${HEAD}devices: [{name: a, device: edu, at: "00.0", behind: rp1}, {name: b, device: nvme, at: ` +
      '"02.0"}, {name: c, device: edu, at: "00.0", behind: rp2}]\n',
    'x.yaml',
  );
  expect(hardware.rootPorts).toEqual([
    { name: 'rp1', slot: 3 },
    { name: 'rp2', slot: 4 },
  ]);
  expect(hardware.devices.map(({ size }) => size)).toEqual([0, 16 << 20, 0]);
});

test('an IOMMU in one word or in a mapping', () => {
  const iommu = (text: string) => parseScenario(`from: a\nto: b\niommu: ${text}\n`, 'x.yaml').hardware.iommu;
  expect(iommu('intel')).toMatchObject({ kind: 'intel', intremap: true, scalable: false, bits: 39 });
  expect(iommu('{kind: intel, intremap: false, scalable: true, bits: 48}')).toMatchObject({
    intremap: false,
    scalable: true,
    bits: 48,
  });
  expect(iommu('virtio')).toMatchObject({ kind: 'virtio', intremap: false, bits: 48 });
});

test('the explicit form', () => {
  const text = `${STEPS}devices: [${edu()}]\nsteps:
  - create: vm0
  - memfd: {name: ram, size: 64KiB}
  - preserve: {session: vm0, file: ram, token: 1}
  - device-open: edu0
  - device-map: {device: edu0, file: ram, iova: "0x10000"}
  - device-check: {device: edu0, errno: OK}
  - device-preserve: {device: edu0, session: vm0, token: 2, errno: ENOENT}
  - iommu-preserve: {device: edu0, session: vm0, token: 3, errno: ENOENT}
  - device-dma: {device: edu0, start: true}
  - device-close: edu0
  - kexec
  - retrieve: vm0
  - device-retrieve: {device: edu0, session: vm0, token: 2, errno: ENOENT}
`;
  expect(parseScenario(text, 'x.yaml').steps.map(words)).toEqual([
    'create',
    'memfd',
    'preserve',
    'device-open edu0',
    'device-map edu0 ram@10000',
    'device-check edu0',
    'device-preserve edu0 vm0/2',
    'iommu-preserve edu0 vm0/3',
    'device-dma edu0',
    'device-close edu0',
    'load',
    'kexec',
    'retrieve-session',
    'device-retrieve edu0 vm0/2',
  ]);
});

test.each<[string, string]>([
  [
    `${HEAD}devices: [${edu()}, {name: e2, device: edu, at: "05.0"}]\n`,
    '5:78 expected a unique address; "edu0" has this one',
  ],
  [
    `${HEAD}devices: [${edu()}, {name: edu0, device: edu, at: "06.0"}]\n`,
    '5:57 expected a unique name; there is a device "edu0" already',
  ],
  [`${HEAD}devices: [{name: e, device: edu, at: "01.0"}]\n`, '5:38 expected a slot from 02 to 1e, found "01.0"'],
  [`${HEAD}devices: [{name: e, device: edu, at: "1f.0"}]\n`, '5:38 expected a slot from 02 to 1e'],
  [`${HEAD}devices: [{name: e, device: edu, at: 5.0}]\n`, '5:38 expected an address such as "05.0"; put it in quotes'],
  [`${HEAD}devices: [{name: e, device: edu, at: "5"}]\n`, '5:38 expected an address SLOT.FUNCTION in hexadecimal'],
  [`${HEAD}devices: [{name: e, device: edu, at: "05.1"}]\n`, '5:38 expected a device at function 0 of slot 05 too'],
  [
    `${HEAD}devices: [{name: e, device: edu, at: "05.0", behind: rp0}]\n`,
    '5:38 expected "00.0", the only address behind a root port',
  ],
  [
    `${HEAD}devices: [{name: e, device: edu, at: "00.0", behind: rp0}, {name: f, device: edu, at: ` +
      '"00.0", behind: rp0}]\n',
    '5:103 expected a unique address; "e" has this one; give it a root port of its own',
  ],
  [
    `${HEAD}devices: [{name: e, device: eduu, at: "05.0"}]\n`,
    '5:29 expected edu, nvme, virtio-net, virtio-blk or ivshmem, found "eduu"; did you mean "edu"?',
  ],
  [`${HEAD}devices: [{name: 9e, device: edu, at: "05.0"}]\n`, "5:18 expected a device's name: a letter"],
  [`${HEAD}devices: [${edu(', size: 16MiB')}]\n`, '5:55 a device of kind edu has no backing storage'],
  [
    `${HEAD}devices: [{name: e, device: nvme, at: "05.0", size: 100}]\n`,
    '5:53 expected 1MiB to 1GiB in whole MiB, found 100 bytes',
  ],
  [`${HEAD}devices: [{name: e, device: ivshmem, at: "05.0", size: 3MiB}]\n`, '5:56 expected a power of two'],
  [
    `${HEAD}devices: [${edu(', map: [{file: vm0/rma, iova: 0}]')}]\n`,
    '5:62 no file "vm0/rma" is in this scenario; did you mean "vm0/ram"?',
  ],
  [`${HEAD}devices: [${edu(', map: [{file: vm0/obj, iova: 0}]')}]\n`, '5:62 expected a memfd'],
  [
    `${HEAD}devices: [${edu(', map: [{file: vm0/sealed, iova: 0}]')}]\n`,
    '5:62 expected rights: r, because the file is sealed against writing (write)',
  ],
  [
    `${HEAD}devices: [${edu(', map: [{file: vm0/ram, iova: 0x100}]')}]\n`,
    '5:77 expected a multiple of 4096 bytes, found 0x100',
  ],
  [
    `${HEAD}devices: [${edu(', map: [{file: vm0/ram, iova: 0xff80000}]')}]\n`,
    '5:77 expected an end of at most 0x10000000, because edu has 28 address bits; found 0x10080000',
  ],
  [
    `${HEAD}devices: [{name: e, device: nvme, at: "05.0", map: [{file: vm0/ram, iova: 0x8000000000}]}]\n`,
    '5:75 expected an end of at most 0x8000000000, because this IOMMU has 39 address bits',
  ],
  [
    `${HEAD}devices: [{name: e, device: nvme, at: "05.0", map: [{file: vm0/ram, iova: 0xfee00000}]}]\n`,
    '5:75 expected an address outside of 0xfee00000 to 0xfef00000',
  ],
  [
    `${HEAD}devices: [${edu(', map: [{file: vm0/ram, iova: 0}, {file: vm0/ram, iova: 0x80000}]')}]\n`,
    '5:103 expected a free address range; "vm0/ram" is mapped from 0x0 to 0x100000',
  ],
  [`${HEAD}devices: [${edu(', map: [{file: vm0/ram, iova: here}]')}]\n`, '5:77 expected an address'],
  [
    `${HEAD}devices: [${edu(', preserve: required')}]\n`,
    '5:59 expected a session as well, because required adds the descriptor to one',
  ],
  [
    `${HEAD}devices: [${edu(', preserve: if-supported, session: vm1')}]\n`,
    '5:82 no session "vm1" is in this scenario; did you mean "vm0"?',
  ],
  [
    `${HEAD}devices: [${edu(', session: vm0, token: 1')}]\n`,
    '5:70 expected a unique token in session "vm0"; 1 is taken',
  ],
  [
    `${HEAD}devices: [${edu(', dma: in-flight')}]\n`,
    '5:54 expected a file under map that the device may read and write',
  ],
  [
    `${HEAD}devices: [{name: e, device: nvme, at: "05.0", dma: in-flight}]\n`,
    '5:52 expected no dma, because only edu can start a transfer; this is nvme',
  ],
  [
    'from: a\nto: b\nsessions: [{name: vm0, files: [{memfd: 1MiB, name: ram}]}]\ndevices: ' +
      `[${edu(', map: [{file: vm0/ram, iova: 0}]')}]\n`,
    '4:11 expected an IOMMU',
  ],
  [
    'from: a\nto: b\niommu: intl\n',
    '3:8 expected an IOMMU: none, intel, amd, virtio, or a mapping with kind, found "intl"; did you mean "intel"?',
  ],
  ['from: a\nto: b\niommu: {kind: virtio, intremap: true}\n', '3:33 an IOMMU of kind virtio does not remap interrupts'],
  ['from: a\nto: b\niommu: {kind: amd, scalable: true}\n', '3:30 an IOMMU of kind amd has no scalable mode'],
  ['from: a\nto: b\niommu: {kind: amd, bits: 48}\n', '3:26 the width of an IOMMU of kind amd cannot be chosen'],
  ['from: a\nto: b\niommu: {kind: intel, preserve: required}\n', '3:32 expected a device with preserve and session'],
  [
    `from: a\nto: b\niommu: {kind: intel, preserve: required}\ndevices: [${edu()}]\nsteps: [kexec]\n`,
    '3:22 preserve belongs to the short form',
  ],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu0}, kexec, {iommu-retrieve: {device: edu0, session: ` +
      'vm0, token: 3}}]\n',
    '6:78 no session "vm0" was retrieved',
  ],
  [`${STEPS}devices: [${edu(', map: [{file: a, iova: 0}]')}]\nsteps: [kexec]\n`, '5:49 map belongs to the short form'],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu1}, kexec]\n`,
    '6:23 no device "edu1" is in this scenario; did you mean "edu0"?',
  ],
  [`${STEPS}devices: [${edu()}]\nsteps: [{device-check: edu0}, kexec]\n`, '6:24 device "edu0" is not open here'],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu0}, kexec, {device-check: edu0}]\n`,
    '6:52 device "edu0" is not open here',
  ],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu0}, {device-map: {device: edu0, file: ram, iova: ` +
      '0}}, kexec]\n',
    '6:64 no file "ram" is open here',
  ],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu0}, {device-dma: {device: edu0, start: true}}, kexec]\n`,
    '6:43 nothing is mapped that the device may read and write',
  ],
  [
    `${STEPS}devices: [${edu()}]\nsteps: [{device-open: edu0}, {device-preserve: {device: edu0, session: ` +
      'vm0, token: 1}}, kexec]\n',
    '6:72 no session "vm0" is open here',
  ],
])('%s', (text, message) => {
  const found = problems(text);
  expect(found.length).toBeGreaterThan(0);
  expect(
    found.some((each) => each.startsWith(message)),
    found.join('\n'),
  ).toBe(true);
});
