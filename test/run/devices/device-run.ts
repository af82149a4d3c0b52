// SPDX-License-Identifier: Apache-2.0
// A run with one device for tests: an edu that moves bytes in simulated memory, as QEMU and the agent show it.
import type { LookMoment } from '../../../src/model/kernel/pci.js';
import type { AgentReply } from '../../../src/guest/agent.js';
import { Pattern } from '../../../src/oracles/files/pattern.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import type { LivePlan } from '../../../src/run/engine/plan.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { type Answer, FakeControl, fakeAgents, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { legacy, SID } from '../../oracles/iommu/walk/tables.js';

export const PAGE = 4096;
export const IOVA = 0x10_0000;
/** Where the four pages of the file are in physical memory. */
export const PHYS = 0x80_0000;
export const BAR = 0xfea0_0000;
const PAGES = 4;
const ECAM = 0xb000_0000;
const GSTS = 0xfed9_001c;

export interface Options {
  device?: string;
  more?: string;
  map?: string;
  file?: string;
  behind?: string | null;
  epoch?: number;
  now?: (() => number) | null;
  plan?: Partial<LivePlan>;
  /** Takes the place of the sound answer where it returns one. */
  answer?: (op: string, args: Parameters<Answer>[1], sound: () => Partial<AgentReply>) => Partial<AgentReply> | null;
}

/** Configuration space of edu: MSI at 0x40, PCI Express at 0x80. */
export function eduConfig({ command = 6, id = 0x11e8_1234, bar = BAR } = {}): Uint8Array {
  const bytes = Buffer.alloc(256);
  bytes.writeUInt32LE(id, 0);
  bytes.writeUInt16LE(command, 4);
  bytes.writeUInt16LE(0x10, 6);
  bytes.writeUInt32LE(bar, 0x10);
  bytes[0x34] = 0x40;
  bytes.set([0x05, 0x80, 0x01], 0x40);
  bytes.set([0x10, 0x00], 0x80);
  return bytes;
}

function dump(address: number, words: readonly bigint[]): string {
  const at = address.toString(16).padStart(16, '0');
  return words.map((word) => `${at}: 0x${word.toString(16).padStart(8, '0')}\r\n`).join('');
}

/** QEMU as a view asks it: the device at 00:10.0, or behind the root port rp0 at 01:00.0. */
export class FakeHardware {
  readonly asked: string[] = [];
  readonly configs = new Map<number, Uint8Array>();
  readonly registers = new Map<number, bigint>();
  mtree = `  ${ECAM.toString(16).padStart(16, '0')}-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio\r\n`;
  tree: unknown;

  constructor(behind: string | null) {
    const node = (qdev: string, bus: number, slot: number, more: object = {}) => ({
      bus,
      slot,
      function: 0,
      qdev_id: qdev,
      class_info: { class: 255 },
      id: { vendor: 0x1234, device: 0x11e8 },
      regions: [{ bar: 0, type: 'memory', size: 1 << 20 }],
      ...more,
    });
    const port = { pci_bridge: { bus: { secondary: 1 }, devices: [node('dev-e', 1, 0)] }, regions: [] };
    this.tree = [{ devices: [behind === null ? node('dev-e', 0, 0x10) : node('port-rp0', 0, 3, port)] }];
    this.configs.set(behind === null ? SID : 0x100, eduConfig());
    this.configs.set(0x18, eduConfig());
    for (const [at, value] of [
      [0x00, 0x0100_00edn],
      [0x04, 0xb3be_bdden],
      [0x08, 3_628_800n],
      [0x24, 0n],
    ] as const)
      this.registers.set(BAR + at, value);
  }

  /** The registers of VT-d. */
  translate(register: bigint, status = 0x8000_0000n): void {
    this.registers.set(GSTS, status).set(GSTS + 4, register);
    this.registers.set(GSTS + 0x18, 0n);
  }

  query = async (question: string): Promise<string> => {
    this.asked.push(question);
    if (question.startsWith('info mtree')) return this.mtree;
    const [, count, hex] = /^xp \/(\d+)x[wg] 0x([0-9a-f]+)$/.exec(question) ?? [];
    const at = parseInt(hex ?? '', 16);
    if (count === '64') {
      const config = Buffer.from(this.configs.get((at - ECAM) >> 12) ?? new Uint8Array(256).fill(0xff));
      return dump(
        at,
        Array.from({ length: 64 }, (_, i) => BigInt(config.readUInt32LE(i * 4))),
      );
    }
    const value = this.registers.get(at);
    return value === undefined ? 'Cannot access memory\r\n' : dump(at, [value]);
  };
}

export function deviceRun(options: Options = {}) {
  const { map = 'rw', behind = null, answer = () => null, epoch = 0, now = null } = options;
  const scenario = parseScenario(
    `from: a\nto: b\niommu: intel\nsessions: [{name: s, files: [{name: f, memfd: 16KiB${options.file ?? ''}}]}]\n` +
      `devices: [{name: e, ${options.device ?? 'device: edu'}, ` +
      `at: "${behind === null ? '10.0' : `00.0", behind: "${behind}`}", ` +
      `map: [{file: s/f, iova: 0x100000, rights: ${map}}]}]\n${options.more ?? ''}`,
    'x.yaml',
  );
  const { machine, table, register } = legacy(3);
  const { memory } = machine;
  const memfd = scenario.steps.find((step) => step.op === 'memfd');
  if (memfd?.op !== 'memfd') throw new Error('no memfd');
  const pattern = new Pattern(memfd.memfd);
  for (let page = 0; page < PAGES; page++) {
    memory.write(PHYS + page * PAGE, pattern.page(page));
    machine.second(table, 3, BigInt(IOVA + page * PAGE), PHYS + page * PAGE);
  }
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.source = SID;
  device.open = true;
  device.maps = [...device.spec.map];
  const state = new RunState();
  state.devices.set('e', device);
  state.files.set('s/f', {
    name: 's/f',
    spec: memfd.memfd,
    pattern,
    preservedIn: [],
    runs: [],
    before: null,
    inside: null,
    hugeKiB: 0,
  });
  const calls: [string, Parameters<Answer>[1]][] = [];
  const buffer = new Uint8Array(PAGE);
  const sound = (op: string, args: Parameters<Answer>[1]): Partial<AgentReply> => {
    switch (op) {
      case 'vfio-config':
        return { data: { bytes: `3412E811${'0'.repeat(120)}` } };
      case 'edu-state':
        return { data: { identification: '0x10000ed', liveness: '0xb3bebdde', factorial: '3628800', status: '0x80' } };
      case 'vfio-irq':
        return { data: args['disarm'] === 1 ? {} : { irqs: 1 } };
      case 'pfns':
        return { data: { runs: [[0, PHYS / PAGE, PAGES]] } };
      case 'edu-dma': {
        const phys = Number(args['iova']) - IOVA + PHYS;
        const piece = buffer.subarray(0, Number(args['length']));
        if (args['direction'] === 'to-device') memory.read(phys, piece);
        else memory.write(phys, piece);
        return { data: { ended: true, irqs: args['irq'] === 0 ? 0 : 1 } };
      }
      default:
        return {};
    }
  };
  const agents = fakeAgents((op, args) => {
    calls.push([op, args]);
    return answer(op, args, () => sound(op, args)) ?? sound(op, args);
  });
  const hardware = new FakeHardware(behind);
  const { recorder, events } = fakeRecorder(epoch, now);
  const view = Object.assign(new FakeView(memory), { query: hardware.query, pciDevices: async () => hardware.tree });
  const control = new FakeControl(memory);
  const parts = {
    plan: fakePlan(scenario, options.plan),
    recorder,
    state,
    deadlines: new Deadlines(1000),
    agents,
    view,
    machine: control,
    trace: null,
  };
  const content = () => {
    const bytes = new Uint8Array(PAGES * PAGE);
    memory.read(PHYS, bytes);
    return bytes;
  };
  return {
    parts,
    device,
    hardware,
    events,
    calls,
    pattern,
    memory,
    control,
    content,
    register,
    file: state.files.get('s/f')!,
    moments: (): LookMoment[] => device.looks.map(({ moment }) => moment),
    ops: () => calls.map(([op]) => op),
  };
}
