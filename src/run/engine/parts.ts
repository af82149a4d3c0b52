// SPDX-License-Identifier: Apache-2.0
// The parts of a run that its steps, phases and judges work with. A function asks for those that it uses, by
// `Needs<'view' | 'recorder'>`; only the few that direct a whole run take all of them (test/architecture/parts.test.ts).
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

/** What may be done to the machine. */
export type Control = Pick<Machine, keyof Machine>;

export interface Parts {
  plan: LivePlan;
  recorder: Recorder;
  state: RunState;
  deadlines: Deadlines;
  /** Calls to the agents of the running kernel. */
  agents: Agents;
  /** The same agents, and the session that they are reached by: they are started and ended here. */
  user: UserSpace;
  /** Reads the machine from outside. */
  view: MachineView;
  /** Acts on the machine, and waits for it. */
  machine: Control;
  breakpoints: Breakpoints;
  /** What QEMU traces of devices and IOMMU; null where there are none. */
  trace: TraceLog | null;
  /** How each kernel marks itself as damaged. */
  taint: TaintWatch;
}

export type Needs<K extends keyof Parts> = Pick<Parts, K>;
