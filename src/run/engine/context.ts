// SPDX-License-Identifier: Apache-2.0
// What the parts of one run share.
import type { Agent } from '../../guest/agent.js';
import type { Session, SshTarget } from '../../guest/session.js';
import type { KernelImage, RootFs } from '../../model/kernel/image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Accel } from '../../qemu/args.js';
import type { Deadlines } from './deadlines.js';
import type { HandoverFormat } from '../../images/abi/handover-format.js';
import type { MemoryKeeper } from '../machine/keep-memory.js';
import type { Machine } from '../machine/machine.js';
import type { MachineParts } from '../machine/parts.js';
import type { Hold } from '../steps/breakpoints.js';
import type { Recorder } from './recorder.js';
import type { RunState } from './state.js';
import type { RunStreams } from './streams.js';
import type { TaintWatch } from '../taint/watch.js';
import type { TraceLog } from '../devices/trace.js';

/** Requests to the agent that are under way at once: thousands of calls must not cost thousands of round trips. */
export const WINDOW = 64;

export interface RunPlan {
  id: string;
  scenario: Scenario;
  /** One an epoch. */
  kernels: KernelImage[];
  rootfs: RootFs;
  accel: Accel;
  /** How fast the host's TSC runs, which is an emulated machine's too; null where it is not known. */
  hostTscKhz: number | null;
  /** Private folder of the run, made and removed by the caller. */
  dir: string;
  /** How each epoch's kernel lays out what it hands over; null where nobody asks for it. */
  formats: (HandoverFormat | null)[];
  /** Why a format was not read, one an epoch; null where it was, or nobody tried. */
  unread?: readonly (string | null)[] | undefined;
  /** Devices and the IOMMU are looked at from outside; false only where the cost of that is measured. */
  deviceLooks: boolean;
  /** Null where no memory is to be kept. */
  memory: MemoryKeeper | null;
  /** Called at each named point of the run, which goes on when it resolves. */
  hold?: Hold | undefined;
  /** Somebody may have the machine stand still for any time: no deadline ends the run. */
  patient?: boolean | undefined;
  /** Program of the kernel's own test on this host, one an epoch; null where the scenario runs none. */
  selftests: (string | null)[];
}

/** What stands between the lab and a machine; tests put others in their place. */
export interface RunParts {
  machine: MachineParts;
  connect: RunContext['connect'];
}

export interface RunContext {
  plan: RunPlan;
  recorder: Recorder;
  streams: RunStreams;
  machine: Machine;
  deadlines: Deadlines;
  state: RunState;
  ssh: Session;
  agent: Agent;
  /** Other clients of the scenario, by name. */
  clients?: Map<string, Agent>;
  /** Opens a session with the machine. */
  connect: (target: SshTarget) => Promise<Session>;
  /** The run's public key, as the kernel command line carries it. */
  publicBlob: string;
  /** OpenSSH private key of this run. */
  privateKey: string;
  /** What QEMU traces of devices and IOMMU; null where there are none. */
  trace: TraceLog | null;
  /** How each kernel marks itself as damaged. */
  taint: TaintWatch;
  /** The next kernel was loaded by a step. */
  loaded: boolean;
}
