// SPDX-License-Identifier: Apache-2.0
// What the lab knows about each guest of the scenario during the run.
import type { DeviceCounts } from '../../model/result/guest-result.js';
import type { GuestSpec } from '../../model/scenario/guest.js';
import type { ChainView } from '../../oracles/guest/index.js';

/** What a guest counted for one device; `device` is its name in the scenario. */
export interface DeviceStat extends DeviceCounts {
  device: string;
}

/** The agent's report about a guest (`guest-stat`), with the lab's field names. */
export interface GuestStat {
  /** `created`, `running`, `paused` or `dead`; `why` is what KVM said. */
  state: string;
  why: string;
  ticks: number;
  needs: number | null;
  /** The guest's own checks that failed, and how often. */
  failures: { what: string; count: number }[];
  /** Its kernel has said so on its console. */
  panicked: boolean;
  firstBad: number | null;
  /** How often a tick did not follow the one before. */
  jumped: number;
  maxGapMs: number;
  bootId: string | null;
  bootIdChanged: boolean;
  /** Its clocks at its last tick, and the machine's time then. Milliseconds. */
  clock: { mono: number; real: number; at: number } | null;
  console: string;
  devices: DeviceStat[];
}

/** A guest as one kernel saw it. */
export interface GuestSide {
  stat: GuestStat | null;
  chain: ChainView | null;
}

export class GuestState {
  /** The agent has it. */
  here = false;
  /** Its vCPUs are paused. */
  paused = false;
  /** Number of ticks at the last report. */
  ticks = 0;
  /** When the lab last saw a new tick, in the machine's time. */
  tickedAt: number | null = null;
  /** Milliseconds without a tick before its last pause. */
  stoodMs = 0;
  /** In the running kernel, since it came back or, in the first kernel, since it was created. */
  now: GuestSide = { stat: null, chain: null };
  /** As the previous kernel left it; null if the guest was not there. */
  left: GuestSide | null = null;
  /** What it had counted for its devices when it was last paused for an update. */
  devicesBefore: DeviceStat[] = [];
  /** Its chain after it came back and before it resumed. */
  arrival: ChainView | null = null;
  restored = false;
  resumed = false;
  downtimeMs: number | null = null;
  /** What steps found wrong with it in the running kernel, and the verdict that follows. */
  problems: { what: string; fate: 'lost' | 'corrupt' | 'stuck' }[] = [];

  constructor(readonly spec: GuestSpec) {}

  /** The next kernel runs now. */
  jumped(): void {
    this.left = this.here ? this.now : null;
    this.now = { stat: null, chain: null };
    this.here = this.paused = this.restored = this.resumed = false;
    this.arrival = null;
    this.downtimeMs = null;
    this.problems = [];
  }

  /** The agent is gone, and the guest with it. */
  lose(): void {
    this.here = this.paused = false;
  }
}
