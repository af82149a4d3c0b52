// SPDX-License-Identifier: Apache-2.0
// Where the walk through a handover begins, and what a change of it writes down, in the memory of a machine that is not
// there.
import { describe, expect, it } from 'vitest';
import { STRUCT_PAGE } from '../../../src/oracles/pages/khop.js';
import { VMEMMAP } from '../../../src/qemu/vmemmap.js';
import type { Change } from '../../../src/model/scenario/place.js';
import { parsePlace } from '../../../src/scenario/validate/place.js';
import { injectFault } from '../../../src/run/update/faults.js';
import { readSymbols } from '../../../src/images/abi/handover-format.js';
import { rememberHandover } from '../../../src/run/update/handover.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { LabError } from '../../../src/util/errors.js';
import { AT, PACKED, packedWorld } from '../../handover/world.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { FakeControl, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { PageTables } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const TABLES = 0x40_0000;
const DIRECT = 0xffff_8880_0000_0000n;
const KHO_OUT = 0xffff_ffff_8200_0040n;
const VARIABLE = 0x60_0000;
const STRUCTS = 0x80_0000;

/** A kernel whose `kho_out` points to the root of the packed world. */
function machine(pointers: Record<number, bigint> = { 8: DIRECT + BigInt(AT.root * PAGE) }) {
  const { memory } = packedWorld();
  const tables = new PageTables(memory, TABLES, TABLES + PAGE);
  tables.map(DIRECT, 0, 21);
  tables.map(KHO_OUT - 0x40n, VARIABLE);
  tables.map(VMEMMAP, STRUCTS, 21);
  for (const [offset, value] of Object.entries(pointers)) memory.writeU64(VARIABLE + 0x40 + Number(offset), value);
  const { recorder, events } = fakeRecorder();
  const state = new RunState();
  const format = {
    structures: PACKED,
    khoOut: { start: KHO_OUT, end: KHO_OUT + 64n },
    machineKexec: 0n,
    handlers: null,
  };
  const registers = { cr3: BigInt(TABLES), cr4: 0n, idtBase: 0n, idtLimit: 0 };
  const scenario = parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml');
  const parts = {
    machine: new FakeControl(memory, registers),
    view: new FakeView(memory, [], registers),
    recorder,
    state,
    plan: fakePlan(scenario, { formats: [format, null] }),
    trace: null,
  };
  const strike = (text: string, change: Change, side: 'outgoing' | 'incoming' = 'outgoing') => {
    const parsed = parsePlace(text);
    if ('message' in parsed) throw new Error(parsed.message);
    return injectFault(parts, { kind: 'change', text, place: parsed.place, change, side });
  };
  const mark = (pfn: number, order = 0) =>
    memory.writeU64(STRUCTS + pfn * STRUCT_PAGE + 40, (0x4b48_4f50n << 32n) | BigInt(order));
  return { memory, events, parts, recorder, strike, mark };
}

describe('a change in the old kernel', () => {
  it('is made, and written down with address, old and new value', async () => {
    const { memory, events, strike } = machine();
    await strike('luo.number', { how: 'number', value: '41' });
    expect(memory.readU64(AT.luo * PAGE + 8)).toBe(41n);
    expect(events).toMatchObject([
      { kind: 'fault', fault: 'change', places: 1, detail: 'luo.number at 0x11008: 0x1 to 0x29' },
    ]);
  });

  it('of a damaged root finds the root that was found before', async () => {
    const { memory, strike } = machine();
    await strike('kho.root', { how: 'number', value: '0' });
    await strike('kho.root', { how: 'number', value: '1' });
    expect(memory.readU64(AT.root * PAGE)).toBe(
      ((memory.readU64(AT.root * PAGE) ?? 0n) & ~0xffff_ffffn) | 0x0100_0000n,
    );
  });

  it.each<[string, Record<number, bigint>]>([
    ['nowhere', {}],
    ['to something else', { 0: DIRECT + BigInt(AT.luo * PAGE), 8: DIRECT + 0x1000_0000n, 16: BigInt(AT.root * PAGE) }],
    ['into the middle of it', { 0: DIRECT + BigInt(AT.root * PAGE) + 8n }],
  ])("is the lab's failure where kho_out points %s", async (_, pointers) => {
    const { events, strike } = machine(pointers);
    await expect(strike('luo.number', { how: 'number', value: '41' })).rejects.toThrow(LabError);
    expect(events).toMatchObject([
      { places: 0, detail: "luo.number: the kernel's variable kho_out points to 0 root trees" },
    ]);
  });

  it('of a place that is not there is too, and says what is there', async () => {
    const { events, strike } = machine();
    await expect(strike('session[vm1].name', { how: 'text', text: 'x' })).rejects.toThrow(LabError);
    expect(events).toMatchObject([
      { places: 0, detail: 'session[vm1].name: there is no serialized session vm1 (there are 2, such as empty, vm0)' },
    ]);
  });
});

describe('a change in the next kernel', () => {
  async function jumped() {
    const made = machine();
    await rememberHandover(made.parts);
    made.recorder.epoch = 1;
    for (const frame of [AT.root, AT.sessions, AT.more, AT.files, AT.memfd, AT.chunk, AT.list]) made.mark(frame);
    made.mark(AT.content + 16, 4);
    return made;
  }

  it('begins at the root that the old one handed over', async () => {
    const { memory, strike, events } = await jumped();
    await strike('content[vm0/7].page[19]', { how: 'flip', mask: '1' }, 'incoming');
    await strike('file[vm0/7].token', { how: 'add', value: '1' }, 'incoming');
    expect(memory.readU64((AT.content + 16 + 15) * PAGE)).toBe(1n);
    expect(events).toMatchObject([
      { places: 1, detail: 'content[vm0/7].page[19] at 0x11f000: 0x0 to 0x1' },
      { places: 1, detail: 'file[vm0/7].token at 0x14048: 0x7 to 0x8' },
    ]);
  });

  it.each([
    ['luo.version', "LUO's own page is gone"],
    ['kho.map.root', 'no longer handed over'],
    ['kexec-metadata.kexec_count', 'no longer handed over'],
    ['content[vm0/7].page[1]', 'no longer handed over'],
  ])('of %s fails: it has been given back', async (text, why) => {
    const { strike, events } = await jumped();
    await expect(
      strike(text, text === 'luo.version' ? { how: 'text', text: 'x' } : { how: 'flip', mask: '1' }, 'incoming'),
    ).rejects.toThrow(LabError);
    expect(events).toMatchObject([{ detail: expect.stringContaining(why) }]);
  });
});

it('symbols are read as nm writes them, the first of a name', () => {
  const symbols = readSymbols(
    'ffffffff81000000 T _stext\nffffffff82000040 b kho_out\nffffffff82000080 d kho_out\n' +
      '00000000deadbeef A short\nnonsense\n',
  );
  expect([...symbols]).toEqual([
    ['_stext', 0xffff_ffff_8100_0000n],
    ['kho_out', KHO_OUT],
    ['short', 0xdead_beefn],
  ]);
});
