// SPDX-License-Identifier: Apache-2.0
// Faults in the memory of a machine that is not there.
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../../src/model/scenario/scenario.js';
import type { SystemRegisters } from '../../../src/qemu/registers.js';
import { injectFault } from '../../../src/run/update/faults.js';
import { RunState } from '../../../src/run/state/run-state.js';
import type { ExpectedFile, FileState } from '../../../src/run/state/file.js';
import { LabError } from '../../../src/util/errors.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { FakeControl, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const MIB = 1 << 20;
const PAGE = 4096;

function machine(registers: SystemRegisters | null = null) {
  const memory = new FakeMemory(16 * MIB);
  const state = new RunState();
  state.files.set('ram', {
    name: 'ram',
    runs: [
      { page: 0, pfn: 300, count: 2 },
      { page: 5, pfn: 700, count: 1 },
    ],
  } as FileState);
  state.expected.set('k', { name: 'gone', runs: [{ page: 0, pfn: 900, count: 1 }] } as ExpectedFile);
  const { recorder, events } = fakeRecorder();
  const machine = new FakeControl(memory, registers);
  const { commands } = machine;
  const parts = {
    machine,
    view: new FakeView(memory, [], registers),
    plan: fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml')),
    recorder,
    state,
    trace: null,
  };
  const text = (at: number, length: number) => {
    const bytes = Buffer.alloc(length);
    memory.read(at, bytes);
    return bytes.toString('latin1');
  };
  return { memory, commands, events, text, strike: (fault: Fault) => injectFault(parts, fault) };
}

const replace = (where: 'page-start' | 'anywhere'): Fault => ({ kind: 'replace', find: 'kho-v3', write: 'x9', where });

describe('a string in memory that is replaced', () => {
  /** Address, what stands there, and whether it is a whole string. */
  const PLACES: [number, string, boolean][] = [
    [PAGE, 'kho-v3\0', true],
    [3 * PAGE + 40, '\x01\x02kho-v3\0', true],
    [8 * PAGE, 'xkho-v3\0', false],
    [9 * PAGE, 'kho-v30\0', false],
    [4 * MIB - 3, 'kho-v3\0', true],
    [4 * MIB + PAGE, 'kho-v3\0', true],
    [16 * MIB - 7, 'kho-v3\0', true],
  ];

  it.each(['page-start', 'anywhere'] as const)('%s', async (where) => {
    const { memory, events, text, strike } = machine();
    for (const [at, bytes] of PLACES) memory.write(at, Buffer.from(bytes, 'latin1'));
    await strike(replace(where));
    let places = 0;
    for (const [at, bytes, whole] of PLACES) {
      const hit = whole ? where === 'anywhere' || at % PAGE === 0 : false;
      if (hit) places++;
      expect(text(at, bytes.length), `at ${at}`).toBe(hit ? bytes.replace('kho-v3', 'x9\0\0\0\0') : bytes);
    }
    expect(events).toMatchObject([{ kind: 'fault', fault: 'replace', places }]);
  });

  it('that is the end of a longer one is left alone, also where a new piece of memory is read', async () => {
    const { memory, text, strike } = machine();
    memory.write(8 * MIB - 1, Buffer.from('xkho-v3\0'));
    await expect(strike(replace('anywhere'))).rejects.toThrow('no place found');
    expect(text(8 * MIB - 1, 7)).toBe('xkho-v3');
  });

  it("that stands nowhere is the lab's failure", async () => {
    const { events, strike } = machine();
    await expect(strike(replace('anywhere'))).rejects.toThrow(LabError);
    expect(events).toMatchObject([{ places: 0 }]);
  });
});

describe('a flipped bit', () => {
  it.each([
    [{ file: 'ram', page: 1 }, 301],
    [{ file: 'ram', page: 5 }, 700],
    [{ file: 'gone', page: 0 }, 900],
  ])('%j', async (place, pfn) => {
    const { memory, text, strike } = machine();
    memory.write(pfn * PAGE + 17, Buffer.of(0x0f));
    await strike({ kind: 'flip', offset: 17, mask: 0x81, ...place });
    expect(text(pfn * PAGE + 16, 3)).toBe('\0\x8e\0');
  });

  it.each([
    { file: 'ram', page: 2 },
    { file: 'nobody', page: 0 },
  ])('in a page that is nowhere: %j', async (place) => {
    await expect(machine().strike({ kind: 'flip', offset: 0, mask: 1, ...place })).rejects.toThrow('no place found');
  });
});

describe('a triple fault', () => {
  const ROOT = 0x10_0000;
  const IDT = 0xffff_fe00_0000_0000n;

  it.each([
    ["the kernel's own tables", ROOT],
    ["user space's tables", ROOT + PAGE],
  ])('through %s', async (_, cr3) => {
    const { memory, text, strike } = machine({ cr3: BigInt(cr3), cr4: 0n, idtBase: IDT, idtLimit: 0xfff });
    new PageTables(memory, ROOT, 0x20_0000).map(IDT, 0x80_0000);
    memory.write(0x80_0000, Buffer.alloc(PAGE + 4, 'x'));
    await strike({ kind: 'triple-fault' });
    expect(text(0x80_0000, PAGE + 4)).toBe(`${'\0'.repeat(PAGE)}xxxx`);
  });

  it.each([
    ['no registers', null],
    ['a table that is not mapped', { cr3: BigInt(ROOT), cr4: 0n, idtBase: IDT, idtLimit: 0xfff }],
  ])('%s', async (_, registers) => {
    await expect(machine(registers).strike({ kind: 'triple-fault' })).rejects.toThrow('no place found');
  });
});

it.each([
  ['reset', 'system_reset'],
  ['stop', 'stop'],
  ['nmi', 'inject-nmi'],
] as const)('QEMU itself does: %s', async (kind, command) => {
  const { commands, strike } = machine();
  await strike({ kind });
  expect(commands).toEqual([command]);
});
