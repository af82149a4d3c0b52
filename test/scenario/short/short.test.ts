// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { Scenario, Step } from '../../../src/model/scenario/scenario.js';
import { parseScenario } from '../../../src/scenario/index.js';

function scenario(text: string): Scenario {
  return parseScenario(text, 'folder/some.yaml');
}

/** A short text of a step: epoch, operation and target. */
function brief(step: Step): string {
  switch (step.op) {
    case 'create':
    case 'retrieve-session':
    case 'finish':
      return `${step.epoch} ${step.op} ${step.session}`;
    case 'memfd':
      return `${step.epoch} memfd ${step.memfd.file}`;
    case 'object':
      return `${step.epoch} object ${step.object.file}`;
    case 'preserve':
    case 'retrieve':
      return `${step.epoch} ${step.op} ${step.session} ${step.token} ${step.file}`;
    case 'check':
      return `${step.epoch} check ${step.file}`;
    case 'close':
      return `${step.epoch} close ${step.target.kind === 'device' ? 'device' : step.target.name}`;
    case 'load':
      return `${step.epoch} load ${step.via}`;
    case 'fault':
      return `${step.epoch} fault ${step.at} ${step.fault.kind}`;
    default:
      return `${step.epoch} ${step.op}`;
  }
}

const PAIR = 'from: a\nto: b\n';

test.each([
  ['', 1],
  ['machine: {cpus: 4}\n', 4],
])('a machine with guests, and %j, has %i CPUs', (machine, cpus) => {
  const guests = 'sessions:\n  - {name: s, guests: [{name: g, size: 8MiB}]}\n';
  expect(scenario(PAIR + machine + guests).machine.cpus).toBe(cpus);
});

test('fills in all defaults', () => {
  const text = PAIR;
  expect(scenario(text)).toEqual({
    name: 'some',
    description: '',
    tags: [],
    kernels: ['a', 'b'],
    machine: { memory: 2 ** 30, cpus: 2, icount: false, qemuArgs: [] },
    cmdlines: ['', ''],
    hardware: {
      iommu: {
        kind: 'none',
        intremap: false,
        scalable: false,
        preserve: 'recreate',
        bits: 0,
        pos: { file: 'folder/some.yaml', line: 1, column: 1 },
      },
      devices: [],
      rootPorts: [],
    },
    reserveMem: [],
    policy: 'force',
    recover: null,
    expect: { outcome: 'preserved', endsIn: null },
    without: [],
    taint: [],
    timeout: null,
    deadline: null,
    file: 'folder/some.yaml',
    folder: resolve('folder'),
    trusted: true,
    source: text,
    steps: [
      { op: 'load', via: 'file', epoch: 0, errno: null, pos: { file: 'folder/some.yaml', line: 1, column: 1 } },
      { op: 'kexec', epoch: 0, errno: null, pos: { file: 'folder/some.yaml', line: 1, column: 1 } },
    ],
  });
});

test('sessions become steps', () => {
  const { steps } = scenario(`${PAIR}sessions:
  - name: vm0
    files:
      - {name: ram, memfd: 2MiB, holes: ["3+5"], huge: true, seals: [grow], position: 9}
      - memfd: 4097
      - {object: 8KiB, array: 100, state: 5, label: x}
`);
  expect(steps.map(brief)).toEqual([
    '0 create vm0',
    '0 memfd vm0/ram',
    '0 preserve vm0 1 vm0/ram',
    '0 memfd vm0/2',
    '0 preserve vm0 2 vm0/2',
    '0 object vm0/3',
    '0 preserve vm0 3 vm0/3',
    '0 load file',
    '0 kexec',
    '1 retrieve-session vm0',
    '1 retrieve vm0 1 vm0/ram',
    '1 retrieve vm0 2 vm0/2',
    '1 retrieve vm0 3 vm0/3',
    '1 check vm0/ram',
    '1 check vm0/2',
    '1 check vm0/3',
    '1 finish vm0',
    '1 close vm0',
  ]);
  const [, ram, , second, , third] = steps;
  expect(third).toMatchObject({
    object: { kind: 'object', file: 'vm0/3', size: 8192, holes: [], array: 100, state: 5, label: 'x' },
  });
  expect(ram).toMatchObject({
    memfd: {
      file: 'vm0/ram',
      size: 2 ** 21,
      holes: [{ first: 3, count: 5 }],
      huge: true,
      seals: ['grow'],
      position: 9,
    },
    pos: { line: 6, column: 9 },
  });
  expect(second).toMatchObject({
    memfd: { file: 'vm0/2', size: 4097, holes: [], huge: false, seals: [], position: 0 },
  });
});

test('in a chain every kernel retrieves everything and preserves it again', () => {
  const { steps, kernels } = scenario(`chain: [a, b, c]
sessions:
  - {name: vm0, files: [{memfd: 1MiB}]}
  - {name: left, retrieve: false, files: [{memfd: 1MiB}]}
  - {name: open, finish: false, files: [{memfd: 1MiB}]}
expect: leak
`);
  expect(kernels).toEqual(['a', 'b', 'c']);
  expect(steps.map(brief).filter((text) => !text.startsWith('0'))).toEqual([
    '1 retrieve-session vm0',
    '1 retrieve vm0 1 vm0/1',
    '1 retrieve-session open',
    '1 retrieve open 1 open/1',
    '1 check vm0/1',
    '1 check open/1',
    '1 finish vm0',
    '1 close vm0',
    '1 create vm0',
    '1 preserve vm0 1 vm0/1',
    '1 load file',
    '1 kexec',
    '2 retrieve-session vm0',
    '2 retrieve vm0 1 vm0/1',
    '2 check vm0/1',
    '2 finish vm0',
    '2 close vm0',
  ]);
});

test.each([
  ['legacy', ['0 load legacy', '0 kexec', '1 retrieve-session vm0', '1 finish vm0', '1 close vm0']],
  ['kill-agent', ['0 load file', '0 kill-agent', '0 kexec', '1 retrieve-session vm0', '1 finish vm0', '1 close vm0']],
  ['abort', ['0 load file', '0 abort', '0 close vm0']],
])('kexec: %s', (way, expected) => {
  const { steps } = scenario(`${PAIR}sessions: [{name: vm0}]\nkexec: ${way}\nexpect: lost\n`);
  expect(steps.map(brief)).toEqual(['0 create vm0', ...expected]);
});

test('count makes copies with their own names, tokens and contents', () => {
  const { steps } = scenario(`${PAIR}sessions:
  - name: vm-{i}
    count: 2
    files:
      - {name: "f-{i}", count: 2, memfd: 4KiB, token: 10}
      - {memfd: 4KiB, seed: 7}
`);
  expect(steps.filter((step) => step.op === 'preserve').map(brief)).toEqual([
    '0 preserve vm-1 10 vm-1/f-1',
    '0 preserve vm-1 11 vm-1/f-2',
    '0 preserve vm-1 3 vm-1/3',
    '0 preserve vm-2 10 vm-2/f-1',
    '0 preserve vm-2 11 vm-2/f-2',
    '0 preserve vm-2 3 vm-2/3',
  ]);
  const seeds = steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd.seed] : []));
  expect(new Set(seeds).size).toBe(6);
  expect(seeds[2]).toBe(7);
});

test('inserts faults at their moments', () => {
  const { steps } = scenario(`chain: [a, b, c]
sessions: [{name: s, files: [{memfd: 8KiB}]}]
faults:
  - {at: jump, do: stop}
  - {at: before-kexec, replace: {find: abc, with: xy}}
  - {at: next-kernel, update: 1, do: nmi}
  - {at: before-finish, do: reset}
  - {at: before-kexec, update: 1, flip: {file: s/1, page: 1}}
expect: hang
`);
  expect(steps.map(brief)).toEqual([
    '0 create s',
    '0 memfd s/1',
    '0 preserve s 1 s/1',
    '0 load file',
    '0 fault now flip',
    '0 kexec',
    '1 fault now nmi',
    '1 retrieve-session s',
    '1 retrieve s 1 s/1',
    '1 check s/1',
    '1 finish s',
    '1 close s',
    '1 create s',
    '1 preserve s 1 s/1',
    '1 load file',
    '1 fault now replace',
    '1 fault jump stop',
    '1 kexec',
    '2 retrieve-session s',
    '2 retrieve s 1 s/1',
    '2 check s/1',
    '2 fault now reset',
    '2 finish s',
    '2 close s',
  ]);
  expect(steps.flatMap((step) => (step.op === 'fault' ? [step.fault] : []))).toEqual([
    { kind: 'flip', file: 's/1', page: 1, offset: 0, mask: 255 },
    { kind: 'nmi' },
    { kind: 'replace', find: 'abc', write: 'xy', where: 'anywhere' },
    { kind: 'stop' },
    { kind: 'reset' },
  ]);
});

test('kernel command lines by epoch', () => {
  const { cmdlines } = scenario('chain: [a, b, c]\ncmdline: {all: x, from: y, to: z, 1: w}\n');
  expect(cmdlines).toEqual(['x y', 'x w', 'x z']);
});

test('the command line has precedence over the file', () => {
  expect(parseScenario('from: a\nto: b\ntimeout: 5\n', 'f.yaml', { from: 'c', to: 'd', timeout: 9 })).toMatchObject({
    kernels: ['c', 'd'],
    timeout: 9,
  });
  expect(parseScenario('from: a\n', 'f.yaml', { to: 'd' }).kernels).toEqual(['a', 'd']);
  expect(() => parseScenario('chain: [a, b]\n', 'f.yaml', { to: 'd' })).toThrow(
    'f.yaml: --to cannot be used, because this scenario is a chain of 2 kernels',
  );
});

test.each([
  ['64MiB', 2 ** 26],
  ['1GiB', 2 ** 30],
  ['4096', 4096],
  ['"4096"', 4096],
  ['0', 0],
  ['1.5 KiB', 1536],
  ['2M', 2 ** 21],
  ['0x1000', 4096],
])('size %s', (text, bytes) => {
  const { steps } = scenario(`${PAIR}machine: {memory: 4GiB}\nsessions: [{name: s, files: [{memfd: ${text}}]}]\n`);
  expect(steps[1]).toMatchObject({ memfd: { size: bytes } });
});

test('expands sessions in time that grows with their number, not with its square', () => {
  /** The least processor time of five attempts. */
  const spent = (count: number): number => {
    const text =
      `${PAIR}sessions: [{name: "vm-{i}", count: ${count}, ` + 'files: [{memfd: 4KiB, name: "f{i}", count: 3}]}]\n';
    const times = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      expect(scenario(text).steps).toHaveLength(count * 16 + 2);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.min(...times);
  };
  const few = spent(200);
  // Ten times as many: a square would take a hundred times as long.
  expect(spent(2000)).toBeLessThan(50 * few);
});
