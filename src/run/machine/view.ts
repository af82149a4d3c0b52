// SPDX-License-Identifier: Apache-2.0
// The machine as judges see it: from outside, to read only. A view cannot write the machine's memory, stop the machine
// for good, or end it.
import type { Finding } from '../../console/index.js';
import type { ReadPhys } from '../../oracles/files/outside.js';
import { MARKS, STRUCT_PAGE } from '../../oracles/pages/khop.js';
import type { MemoryView } from '../../qemu/memory.js';
import { kernelRoots } from '../../qemu/pagetable.js';
import type { SystemRegisters } from '../../qemu/registers.js';
import { findPageArray, type PageArray } from '../../qemu/vmemmap.js';
import { LabError } from '../../util/errors.js';
import { inTurns, type Pieces } from '../../util/loop/turns.js';
import type { RunPlan } from '../engine/plan.js';
import type { Recorder } from '../engine/recorder.js';
import { shiftOf } from '../kernel/shift.js';
import { pageLayout, readVmcoreinfo } from '../kernel/vmcoreinfo.js';
import type { Machine } from './machine.js';
import { markedIn, type MarkedPages } from './marked-pages.js';
import { addressOf } from './symbols.js';
import { whilePaused, type PauseCount } from './pause.js';

export interface MachineView {
  /** The machine's RAM. It can still be read after the machine has ended. */
  readonly memory: MemoryView;
  /** What the kernels reported on the console. */
  readonly findings: readonly Finding[];
  readonly hasEnded: boolean;
  /** The registers of a vCPU that runs the machine's own kernel, if there is one. */
  registers(): Promise<SystemRegisters | null>;
  /** QEMU's answer to a question: `info ...`, or a read of physical memory (`xp ...`). */
  query(question: string): Promise<string>;
  /** QEMU's list of PCI devices. */
  pciDevices(): Promise<unknown>;
  /** The running kernel's array of all `struct page`; null if it was not found. */
  pageArray(): Promise<PageArray | null>;
  /** All pages that the running kernel marks as handed over; null if its page array was not found. */
  markedPages(): Promise<MarkedPages | null>;
  /**
   * Does long work on the machine's memory in pieces, so that the run, other runs and Ctrl-C are served in between.
   * Rejects when the run is aborted.
   */
  scan<T>(work: Pieces<T>): Promise<T>;
  /** Runs `work`, which takes time, while the machine is paused for its guests' sake (pause.ts). */
  whilePaused<T>(work: () => T | Promise<T>): Promise<T>;
}

/** Commands of QEMU's human monitor that only read. */
const QUESTION = /^(?:info|xp)[ /]/;

export class LiveView implements MachineView {
  constructor(
    private readonly machine: Pick<Machine, 'memory' | 'findings' | 'ended' | 'registers' | 'human' | 'command'>,
    private readonly plan: Pick<RunPlan, 'kernels'>,
    private readonly recorder: Recorder,
    private readonly state: PauseCount,
    private readonly signal: AbortSignal,
  ) {}

  get memory(): MemoryView {
    return this.machine.memory;
  }

  get findings(): readonly Finding[] {
    return this.machine.findings;
  }

  get hasEnded(): boolean {
    return this.machine.ended.aborted;
  }

  registers(): Promise<SystemRegisters | null> {
    return this.machine.registers();
  }

  async query(question: string): Promise<string> {
    if (!QUESTION.test(question)) throw new LabError(`not a question to QEMU: ${question}`);
    return this.machine.human(question);
  }

  pciDevices(): Promise<unknown> {
    return this.machine.command('query-pci');
  }

  async pageArray(): Promise<PageArray | null> {
    const registers = await this.machine.registers();
    if (registers === null) return null;
    const kernel = this.plan.kernels[this.recorder.epoch];
    if (kernel === undefined) return findPageArray(this.memory, { registers, variable: null, entry: STRUCT_PAGE });
    const shift = shiftOf(kernel, this.memory, registers);
    const [base, info] = ['vmemmap_base', 'vmcoreinfo_data'].map((name) => addressOf(kernel, name));
    // A kernel whose `struct page` is another one would be misread.
    if (info != null && !isKnownLayout(this.memory, registers, info + shift)) return null;
    return findPageArray(this.memory, { registers, variable: base == null ? null : base + shift, entry: STRUCT_PAGE });
  }

  async markedPages(): Promise<MarkedPages | null> {
    const array = await this.pageArray();
    return array === null ? null : this.scan(markedIn(this.memory, array));
  }

  scan<T>(work: Pieces<T>): Promise<T> {
    return inTurns(work, this.signal);
  }

  whilePaused<T>(work: () => T | Promise<T>): Promise<T> {
    return whilePaused(this.machine, this.recorder, this.state, work);
  }
}

function isKnownLayout(memory: MemoryView, registers: SystemRegisters, pointer: bigint): boolean {
  const infos = kernelRoots(registers).map((root) => readVmcoreinfo(memory, root, pointer));
  const info = infos.find((each) => each !== null) ?? null;
  const { size, marks } = info === null ? { size: null, marks: null } : pageLayout(info);
  return (size ?? STRUCT_PAGE) === STRUCT_PAGE && (marks ?? MARKS) === MARKS;
}

export function reader({ memory }: Pick<MachineView, 'memory'>): ReadPhys {
  return (phys, into) => memory.read(phys, into);
}
