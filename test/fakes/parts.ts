// SPDX-License-Identifier: Apache-2.0
// Parts of a run for tests of single functions: a scripted agent, and fakes of the view and of the machine.
import type { Finding } from '../../src/console/index.js';
import type { AgentReply } from '../../src/guest/agent.js';
import type { Event } from '../../src/model/result/event.js';
import type { Scenario } from '../../src/model/scenario/scenario.js';
import type { OpenMemory, MemoryView } from '../../src/qemu/memory.js';
import type { SystemRegisters } from '../../src/qemu/registers.js';
import { findPageArray, type PageArray } from '../../src/qemu/vmemmap.js';
import { STRUCT_PAGE } from '../../src/oracles/pages/khop.js';
import type { Agents, CallArgs, CallOptions } from '../../src/run/agent/client.js';
import type { Control } from '../../src/run/engine/parts.js';
import type { LivePlan } from '../../src/run/engine/plan.js';
import { Recorder } from '../../src/run/engine/recorder.js';
import { KexecWatch } from '../../src/run/machine/kexec-watch.js';
import { markedIn } from '../../src/run/machine/marked-pages.js';
import { inTurns, type Pieces } from '../../src/util/loop/turns.js';
import { MachinePulse } from '../../src/run/machine/pulse.js';
import type { MachineView } from '../../src/run/machine/view.js';
import { startClock } from '../../src/util/clock.js';

export type Answer = (op: string, args: CallArgs, options?: CallOptions) => Partial<AgentReply>;

export function reply(said: Partial<AgentReply>): AgentReply {
  return { id: 1, ok: true, errno: null, at: null, us: 0, data: {}, ...said };
}

/** All clients share one channel. */
export function fakeAgents(answer: Answer): Agents {
  const agents: Agents = {
    call: async (op, args, options) => reply(answer(op, args, options)),
    of: () => agents,
    holder: () => agents,
    holders: () => [agents],
  };
  return agents;
}

export function fakeRecorder(epoch = 0, now: (() => number) | null = null): { recorder: Recorder; events: Event[] } {
  const events: Event[] = [];
  const clock = startClock();
  const recorder = new Recorder(now === null ? clock : { ...clock, now }, (event) => events.push(event));
  recorder.epoch = epoch;
  return { recorder, events };
}

export function fakePlan(scenario: Scenario, more: Partial<LivePlan> = {}): LivePlan {
  return {
    id: 'fake',
    scenario,
    kernels: [],
    rootfs: { path: '/nonexistent', sha256: '0'.repeat(64), size: 0 },
    accel: 'tcg',
    hostTscKhz: null,
    dir: '/nonexistent',
    formats: [],
    follow: true,
    deviceLooks: true,
    memory: null,
    selftests: [],
    iommuOptions: {},
    saver: null,
    resumed: null,
    ...more,
  };
}

/** A finding that implies nothing by itself. */
export function fakeFinding(text: string, epoch: number): Finding {
  return {
    type: 'finding',
    title: text,
    severity: 'info',
    implies: null,
    taint: null,
    line: 1,
    text,
    corrupted: null,
    component: null,
    after: null,
    epoch,
  };
}

export const NO_MEMORY: MemoryView = { ranges: [], end: 0, read: () => false, readU64: () => null };

export class FakeView implements MachineView {
  hasEnded = false;

  constructor(
    readonly memory: MemoryView = NO_MEMORY,
    readonly findings: readonly Finding[] = [],
    private readonly known: SystemRegisters | null = null,
  ) {}

  async registers(): Promise<SystemRegisters | null> {
    return this.known;
  }

  async query(): Promise<string> {
    return '';
  }

  async pciDevices(): Promise<unknown> {
    return [];
  }

  async pageArray(): Promise<PageArray | null> {
    const { known: registers, memory } = this;
    return registers === null ? null : findPageArray(memory, { registers, variable: null, entry: STRUCT_PAGE });
  }

  async markedPages() {
    const array = await this.pageArray();
    return array === null ? null : this.scan(markedIn(this.memory, array));
  }

  scan<T>(work: Pieces<T>): Promise<T> {
    return inTurns(work);
  }

  async whilePaused<T>(work: () => T | Promise<T>): Promise<T> {
    return work();
  }
}

/** A machine that does nothing on its own; it records its commands. */
export class FakeControl implements Control {
  readonly commands: string[] = [];
  readonly ended = new AbortController().signal;
  readonly kexecWatch = new KexecWatch();
  readonly findings: Finding[] = [];
  readonly pulse = new MachinePulse(() => null);
  readonly commandLine = '';
  readonly sandbox = { kind: 'none', user: 'lab', why: 'a scripted machine', command: [] as string[] } as const;
  readonly consoleTail = '';
  readonly pid = 1;
  sshPort = 0;
  qemuVersion = '';
  frozen = false;
  isDebugged = false;
  memory: OpenMemory;

  constructor(
    memory: MemoryView & Pick<OpenMemory, 'write'>,
    private readonly known: SystemRegisters | null = null,
  ) {
    this.memory = Object.assign(memory, {
      path: '',
      size: memory.end,
      outlive: () => undefined,
      close: () => undefined,
    });
  }

  async registers(): Promise<SystemRegisters | null> {
    return this.known;
  }

  async addMemory(): Promise<{ taken: Promise<'taken'> }> {
    return { taken: Promise.resolve('taken') };
  }

  async command(name: string): Promise<unknown> {
    this.commands.push(name);
    return {};
  }

  async human(line: string): Promise<string> {
    this.commands.push(line);
    return '';
  }

  until<T>(what: Promise<T>): Promise<T> {
    return what;
  }

  untilReady = never;
  untilKexecStarts = never;
  reboot = never;
  openDebugger = never;
  attachDebugger = never;
  stop = async () => undefined;
  settle = async () => undefined;
  endedWithin = async () => null;
  readConsole(): void {}
  expire(): void {}
  close(): void {}
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
