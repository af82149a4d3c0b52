// SPDX-License-Identifier: Apache-2.0
// Named points of a run at which it may be paused, so that somebody can look around in the machine. Nothing is under
// way there: no request to the agent, no wait for a mark.
import type { Session } from '../../guest/session.js';
import type { Verdict } from '../../verdict/verdict.js';
import type { Machine } from '../machine/machine.js';

export const POINTS = ['booted', 'preserved', 'before-kexec', 'next-kernel', 'before-open', 'verdict'] as const;
export type Point = (typeof POINTS)[number];

export const POINTS_TEXT: Readonly<Record<Point, string>> = {
  booted: "the first kernel's user space is up",
  preserved: 'all is given to its sessions; the next kernel is not loaded',
  'before-kexec': 'the next kernel is loaded; the kexec comes next',
  'next-kernel': "the next kernel's user space is up; nothing has been done in it",
  'before-open': 'before the first open of /dev/liveupdate in the next kernel',
  verdict: 'all is judged; the machine ends next',
};

/** What is held. */
export interface Breakpoint {
  point: Point;
  epoch: number;
  machine: Machine;
  /** The session with the machine; null where it has ended. */
  ssh: Session | null;
  /** Has QEMU open its debugger stub; the path of its socket. */
  debuggerStub: () => Promise<string>;
  /** The run's private folder. */
  dir: string;
  /** At the verdict: what it is. */
  verdict: Verdict | null;
}

/** Resolves when the run may go on. It is over as soon as this rejects. */
export type OnBreakpoint = (held: Breakpoint) => Promise<void>;
