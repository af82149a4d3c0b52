// SPDX-License-Identifier: Apache-2.0
// A hunt as reports show it: what ran, what it reached, and what it found.
import type { Outcome } from '../result/outcome.js';

export const HUNT_SCHEMA = 1;

/** `found`: not confirmed yet. */
export const FINDING_STATES = ['found', 'confirmed', 'not reproduced', 'known'] as const;
export type FindingState = (typeof FINDING_STATES)[number];

export interface HuntFinding {
  /** Name of its folder. */
  name: string;
  outcome: Outcome;
  title: string;
  state: FindingState;
  kernels: string[];
  /** Number of the input that showed it first. */
  input: number;
  /** Runs from a boot, and those that ended in the same way. */
  runs: number;
  seen: number;
  minimal: boolean;
  /** How it ends from a kernel to itself, by the kernel's name. */
  others: Record<string, string>;
  /** Where it is described, if it is known. */
  reference: string | null;
  /** Path of a kept run, within the folder of the finding. */
  run: string | null;
  /** Whether this hunt, or this night, is the first that has it. */
  fresh: boolean;
}

/** `stopped`: going on would be useless, and why. */
export type HuntEnd = { kind: 'done' } | { kind: 'stopped'; why: string; infra: boolean };

export interface HuntPoint {
  /** Milliseconds since the hunt began, without pauses. */
  at: number;
  executions: number;
  reached: number;
}

export interface HuntReport {
  schema: typeof HUNT_SCHEMA;
  seed: number;
  /** Pairs of kernels. */
  kernels: string[][];
  /** Absolute paths: of corpus, journal and page, and of the findings. */
  folder: string;
  out: string;
  /** Null: it was interrupted, or goes on. */
  end: HuntEnd | null;
  executions: number;
  /** Milliseconds, without pauses. */
  ms: number;
  /** Executions by generator, kind and outcome, as `bytes allowed lost`. */
  counts: Record<string, number>;
  /** Executions by where their machine started; `cold` if it booted. */
  rungs: Record<string, number>;
  /** Milliseconds of these executions; a rung of an older report may lack them. */
  spent: Record<string, number>;
  /** Executions in each hour of the hunt. */
  hours: number[];
  curve: HuntPoint[];
  corpus: number;
  findings: HuntFinding[];
}

/** The hunt at the end of a night. */
export interface NightHunt {
  schema: typeof HUNT_SCHEMA;
  /** Path of its plan; relative if it is in the lab's folder. */
  plan: string;
  /** What the same hunt did in earlier nights; null before it begins. */
  before: { ms: number; executions: number; findings: string[] } | null;
  /** `open`: it has not ended, or waits for the cells. `failed`: the lab could not hunt, and why. */
  state: 'open' | 'ended' | 'failed';
  why: string | null;
  report: HuntReport | null;
}
