// SPDX-License-Identifier: Apache-2.0
// The parts of a run that its steps, phases and judges work with. A function asks for the parts that it uses, for
// example `Needs<'view' | 'recorder'>`. Only the few functions that direct a whole run take all of them
// (test/architecture/parts.test.ts).
import type { Agents } from '../agent/client.js';
import type { UserSpace } from '../agent/user-space.js';
import type { TraceLog } from '../devices/trace.js';
import type { Machine } from '../machine/machine.js';
import type { MachineView } from '../machine/view.js';
import type { RunState } from '../state/run-state.js';
import type { Breakpoints } from '../steps/breakpoints.js';
import type { TaintWatch } from '../taint/watch.js';
import type { Deadlines } from './deadlines.js';
import type { LivePlan } from './plan.js';
import type { Recorder } from './recorder.js';

/** Everything that can be done to the machine. */
export type Control = Pick<Machine, keyof Machine>;

export interface Parts {
  plan: LivePlan;
  recorder: Recorder;
  state: RunState;
  deadlines: Deadlines;
  /** Calls to the agents of the running kernel. */
  agents: Agents;
  /** The same agents, and the session with the machine: starts and ends agents. */
  user: UserSpace;
  /** Reads the machine from outside. */
  view: MachineView;
  /** Acts on the machine, and waits for it. */
  machine: Control;
  breakpoints: Breakpoints;
  /** QEMU's trace of devices and the IOMMU; null if the machine has none. */
  trace: TraceLog | null;
  /** Watches how each kernel marks itself as damaged. */
  taint: TaintWatch;
}

export type Needs<K extends keyof Parts> = Pick<Parts, K>;
