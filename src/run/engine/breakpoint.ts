// SPDX-License-Identifier: Apache-2.0
// Named points at which a run can pause, so that the user can look around in the machine. At each of them no request to
// the agent and no wait for a mark is pending.
import type { Session } from '../../guest/session.js';
import type { Verdict } from '../../verdict/verdict.js';
import type { Machine } from '../machine/machine.js';

export const POINTS = ['booted', 'preserved', 'before-kexec', 'next-kernel', 'before-open', 'verdict'] as const;
export type Point = (typeof POINTS)[number];

export const POINTS_TEXT: Readonly<Record<Point, string>> = {
  booted: "the first kernel's user space is up",
  preserved: 'everything is preserved in its sessions; the next kernel is not loaded',
  'before-kexec': 'the next kernel is loaded; the kexec comes next',
  'next-kernel': "the next kernel's user space is up; no step has run in it",
  'before-open': 'before the first open of /dev/liveupdate in the next kernel',
  verdict: 'everything is judged; the machine ends next',
};

/** The paused run. */
export interface Breakpoint {
  point: Point;
  epoch: number;
  machine: Machine;
  /** The session with the machine; null if the machine has ended. */
  ssh: Session | null;
  /** Makes QEMU open its debugger stub. Resolves with the path of its socket. */
  debuggerStub: () => Promise<string>;
  /** The run's private folder. */
  dir: string;
  /** The verdict, at the point of that name; else null. */
  verdict: Verdict | null;
}

/** Resolves when the run may continue. A rejection ends the run. */
export type OnBreakpoint = (breakpoint: Breakpoint) => Promise<void>;
