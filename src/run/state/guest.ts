// SPDX-License-Identifier: Apache-2.0
// What the lab knows of each guest of the scenario while it runs.
import type { DeviceCounts } from '../../model/result/guest-result.js';
import type { GuestSpec } from '../../model/scenario/guest.js';
import type { ChainView } from '../../oracles/guest/index.js';

/** What a guest counted of a device, by the device's name in the scenario. */
export interface DeviceStat extends DeviceCounts {
  device: string;
}

/** What the agent tells of a guest (`guest-stat`), in the lab's own words. */
export interface GuestStat {
  /** `created`, `running`, `paused`, `dead`; with `why`, what KVM said. */
  state: string;
  why: string;
  ticks: number;
  needs: number | null;
  /** The guest says that a check of its own failed, and how often each did. */
  failures: { what: string; count: number }[];
  firstBad: number | null;
  /** Times that a tick was not the one after the last. */
  jumped: number;
  maxGapMs: number;
  bootId: string | null;
  bootIdChanged: boolean;
  /** Its clock at its last tick, and when that was by the lab's clock, machine's time. Milliseconds. */
  clock: { mono: number; real: number; at: number } | null;
  console: string;
  devices: DeviceStat[];
}

/** The guest as one kernel left it, or as the next one has it. */
export interface GuestSide {
  stat: GuestStat | null;
  chain: ChainView | null;
}

export class GuestState {
  /** The agent has it. */
  here = false;
  /** Its vCPUs stand still. */
  paused = false;
  /** Ticks when it was last asked. */
  ticks = 0;
  /** When a tick was last seen to come, machine's time. */
  tickedAt: number | null = null;
  /** Milliseconds without a tick when it was last paused. */
  stoodMs = 0;
  /** In the kernel that runs now, since it came back; in the first since it was made. */
  now: GuestSide = { stat: null, chain: null };
  /** As the kernel before left it; null where it was not there. */
  left: GuestSide | null = null;
  /** What it had counted of its devices when it was last paused for an update. */
  devicesBefore: DeviceStat[] = [];
  /** Its chain when it had come back and not gone on yet. */
  arrival: ChainView | null = null;
  restored = false;
  resumed = false;
  downtimeMs: number | null = null;
  /** What a step on it found wrong in the kernel that runs now, and what that makes of it. */
  problems: { what: string; fate: 'lost' | 'corrupt' | 'stuck' }[] = [];

  constructor(readonly spec: GuestSpec) {}

  /** The kernel has changed. */
  jumped(): void {
    this.left = this.here ? this.now : null;
    this.now = { stat: null, chain: null };
    this.here = this.paused = this.restored = this.resumed = false;
    this.arrival = null;
    this.downtimeMs = null;
    this.problems = [];
  }

  /** The agent is gone, and it with it. */
  lose(): void {
    this.here = this.paused = false;
  }
}
