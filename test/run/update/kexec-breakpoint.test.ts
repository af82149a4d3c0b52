// SPDX-License-Identifier: Apache-2.0
// When the machine must stop at the jump, and what happens if it does not. QEMU's debugger stub is a script here.
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Action, Fault } from '../../../src/model/scenario/scenario.js';
import type { MemoryKeeper } from '../../../src/run/engine/plan.js';
import { checksum, DebuggerStub } from '../../../src/qemu/gdb.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { breakAtKexec, takesDebugger } from '../../../src/run/update/kexec-breakpoint.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parsePlace } from '../../../src/scenario/validate/place.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { LabError } from '../../../src/util/errors.js';
import { FakeControl, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { AT, PACKED, packedWorld } from '../../handover/world.js';
import { PageTables } from '../../qemu/fake-memory.js';
import { temporaryFolder } from '../../util/temporary.js';

const PAGE = 4096;
const TABLES = 4 << 20;
const DIRECT = 0xffff_8880_0000_0000n;
const KHO_OUT = 0xffff_ffff_8200_0000n;
const VARIABLE = 6 << 20;
const MACHINE_KEXEC = 0xffff_ffff_8123_4560n;

function change(side: 'outgoing' | 'incoming'): Fault {
  const parsed = parsePlace('luo.number');
  if ('message' in parsed) throw new Error(parsed.message);
  return { kind: 'change', text: 'luo.number', place: parsed.place, change: { how: 'number', value: '41' }, side };
}

const FLIP: Fault = { kind: 'replace', find: 'a', write: 'b', where: 'anywhere' };
const KEEPER: MemoryKeeper = { jumps: true, keep: async () => true };

/** QEMU's stub: answers `Z1` with `breakpoint`; `stop` reports that the machine has stopped. */
async function debuggerStub(breakpoint: string) {
  const path = join(temporaryFolder(), 'gdb');
  const packets: string[] = [];
  const sockets: Socket[] = [];
  const say = (text: string) => {
    sockets.forEach((socket) => socket.write(`$${text}#${checksum(text)}`));
  };
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (data) => {
      if (data.includes(3)) say('T02thread:01;');
      for (const [, packet = ''] of data.toString('latin1').matchAll(/\$([^#]*)#/g)) {
        packets.push(packet);
        if (packet.startsWith('Z1')) say(breakpoint);
        if (packet === 'D') say('OK');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return { path, packets, stop: () => say('T05thread:01;') };
}

interface Case {
  /** Faults of this jump, and of the next kernel. */
  now?: Fault[];
  later?: Fault[];
  /** The kernel that `later` is for. */
  epoch?: number;
  keeper?: MemoryKeeper | null;
  /** `counting`: without layouts, as symbols alone give it. */
  format?: 'read' | 'counting' | 'unread';
  breakpoint?: string;
  /** The handover cannot be found at the jump. */
  handover?: 'found' | 'damaged';
  cpus?: number;
  /** Somebody else may use the stub. */
  isDebugged?: boolean;
}

async function prepared({
  now = [],
  later = [],
  epoch = 1,
  keeper = null,
  format = 'read',
  breakpoint = 'OK',
  handover = 'found',
  cpus = 1,
  isDebugged = false,
}: Case) {
  const { memory } = packedWorld();
  const tables = new PageTables(memory, TABLES, TABLES + PAGE);
  tables.map(DIRECT, 0, 21);
  tables.map(KHO_OUT, VARIABLE);
  if (handover === 'found') memory.writeU64(VARIABLE, DIRECT + BigInt(AT.root * PAGE));
  const registers = { cr3: BigInt(TABLES), cr4: 0n, idtBase: 0n, idtLimit: 0 };
  const stub = await debuggerStub(breakpoint);
  const control = new FakeControl(memory, registers);
  let opened = 0;
  let nextKernel: () => void = () => undefined;
  const machine = Object.assign(control, {
    isDebugged,
    attachDebugger: async () => (opened++, DebuggerStub.attach(stub.path)),
    untilReady: () => new Promise((resolve) => (nextKernel = () => resolve({}))),
  });
  const scenario = parseScenario(`from: a\nto: b\nmachine: {cpus: ${cpus}}\nsessions: [{name: s}]\n`, 'x.yaml');
  const [first] = scenario.steps;
  if (first === undefined) throw new Error('no step');
  for (const fault of later)
    scenario.steps.push({ op: 'fault', fault, at: 'now', epoch, errno: null, pos: first.pos } as typeof first);
  const structures = {
    structures: format === 'read' ? PACKED : [],
    khoOut: { start: KHO_OUT, end: KHO_OUT + 64n },
    handlers: null,
  };
  const state = new RunState();
  state.handover = { root: 1, luo: null };
  const parts = {
    plan: fakePlan(scenario, {
      formats: [format !== 'unread' ? { ...structures, machineKexec: MACHINE_KEXEC } : null],
      memory: keeper,
    }),
    recorder: fakeRecorder().recorder,
    machine,
    state,
    deadlines: new Deadlines(null),
    view: new FakeView(memory, [], registers),
  };
  return {
    state,
    stub,
    opened: () => opened,
    nextKernel: () => nextKernel(),
    set: () =>
      breakAtKexec(
        parts,
        now.map((fault) => ({ fault })),
      ),
  };
}

describe('the breakpoint', () => {
  it.each<[string, Case]>([
    ['no fault needs it', {}],
    ['the faults are others', { now: [FLIP], later: [FLIP] }],
    ['the change is of the wrong side for its moment', { now: [change('incoming')], later: [change('outgoing')] }],
    ['the fault is for a kernel after the next', { later: [change('incoming')], epoch: 2 }],
    ['only the end of the run is kept', { keeper: { ...KEEPER, jumps: false } }],
    ['others may have to sleep, and their user has the stub', { cpus: 2, isDebugged: true }],
    ['the handover cannot be kept, as its format is unknown', { keeper: KEEPER, format: 'unread' }],
  ])('is not set where %s; what was remembered of an earlier jump is forgotten', async (_, each) => {
    const { set, opened, state } = await prepared({ format: 'counting', ...each });
    expect(await set()).toBeNull();
    expect([opened(), state.handover]).toEqual([0, null]);
  });

  it.each<[string, Case]>([
    ['a fault of this jump', { now: [change('outgoing')] }],
    ['a fault of the next kernel', { later: [change('incoming')] }],
    ['memory that is kept', { keeper: KEEPER }],
  ])('is set at machine_kexec() for %s', async (_, each) => {
    const { set, stub, state } = await prepared(each);
    const breakpoint = await set();
    stub.stop();
    await breakpoint?.reached();
    await breakpoint?.resume();
    expect(stub.packets).toEqual([`Z1,${MACHINE_KEXEC.toString(16)},1`, 'c', 'D']);
    expect(state.handover).toMatchObject({ root: AT.root * PAGE });
  });

  it('is set where the layouts are known, to follow every page; the run goes on without the stop', async () => {
    const { set, stub, nextKernel, state } = await prepared({});
    const breakpoint = await set();
    stub.stop();
    await breakpoint?.reached();
    expect([breakpoint?.isAtJump, state.handover]).toEqual([true, null]);
    const missed = await prepared({});
    const other = await missed.set();
    const reached = other?.reached();
    missed.nextKernel();
    await reached;
    expect(other?.isAtJump).toBe(false);
    nextKernel();
  });

  it.each<[string, Case]>([
    ['a fault of this jump', { now: [change('outgoing')] }],
    ['a fault of the next kernel', { later: [change('incoming')] }],
  ])('cannot be set for %s where the format was not read', async (_, each) => {
    const { set, opened } = await prepared({ ...each, format: 'unread' });
    await expect(set()).rejects.toThrow('the handover format of the kernel of epoch 0 was not read');
    expect(opened()).toBe(0);
  });

  it('for others that may have to sleep is set, and needs neither a stop nor a handover', async () => {
    const { set, stub, nextKernel, state } = await prepared({ cpus: 2, handover: 'damaged' });
    const breakpoint = await set();
    const reached = breakpoint?.reached();
    nextKernel();
    await reached;
    await breakpoint?.resume();
    expect([stub.packets, state.handover]).toEqual([[`Z1,${MACHINE_KEXEC.toString(16)},1`, 'c', 'D'], null]);
  });

  it('for others that QEMU refuses is done without', async () => {
    const { set } = await prepared({ cpus: 2, breakpoint: 'E22' });
    expect(await set()).toBeNull();
  });

  it('that QEMU refuses lets the machine run again', async () => {
    const { set, stub } = await prepared({ now: [change('outgoing')], breakpoint: 'E22' });
    await expect(set()).rejects.toThrow(/cannot set a breakpoint: E22/);
    expect(stub.packets.at(-1)).toBe('D');
  });
});

describe('at the jump', () => {
  it('a next kernel that begins without the stop is the failure of the lab', async () => {
    const { set, nextKernel } = await prepared({ now: [change('outgoing')] });
    const breakpoint = await set();
    const reached = breakpoint?.reached();
    nextKernel();
    await expect(reached).rejects.toThrow(LabError);
    await expect(reached).rejects.toThrow('begun without a stop');
    await breakpoint?.resume();
  });

  it.each<[string, Case, string | null]>([
    ['matters to a later fault', { later: [change('incoming')] }, 'points to 0 root trees'],
    ['matters to nobody else', { now: [change('outgoing')] }, null],
  ])('a handover that cannot be found %s', async (_, each, message) => {
    const { set, stub, state } = await prepared({ ...each, handover: 'damaged' });
    const breakpoint = await set();
    stub.stop();
    const reached = breakpoint?.reached();
    if (message === null) await reached;
    else await expect(reached).rejects.toThrow(message);
    expect(state.handover).toBeNull();
    await breakpoint?.resume();
  });
});

it('the debugger stub is taken by changes at the jump, and by those in the next kernel', () => {
  const fault = (what: Fault, at: 'now' | 'jump'): Action[] => [{ op: 'fault', fault: what, at }];
  expect(takesDebugger([])).toBe(false);
  expect(takesDebugger(fault(change('outgoing'), 'now'))).toBe(false);
  expect(takesDebugger(fault(change('outgoing'), 'jump'))).toBe(true);
  expect(takesDebugger(fault(change('incoming'), 'now'))).toBe(true);
  expect(takesDebugger(fault(FLIP, 'jump'))).toBe(false);
});
