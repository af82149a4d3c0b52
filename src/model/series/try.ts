// SPDX-License-Identifier: Apache-2.0
// What `lab try` found out about a patch series: the document of --json, from which the report is written.
import type { EndsIn, Outcome } from '../result/outcome.js';

/** Version of the format. */
export const TRY_SCHEMA = 1;

/** The pairs of a base and the base with the series, in the order of the report. */
export const TRY_PAIRS = ['base -> base', 'base -> series', 'series -> base', 'series -> series'] as const;
export type TryPair = (typeof TRY_PAIRS)[number];

/** One scenario on one pair. */
export interface TryRow {
  scenario: string;
  pair: TryPair;
  state: Outcome | 'pending' | 'flaky';
  endsIn: EndsIn | null;
  title: string | null;
  /** Name of the run's folder, if there is one. */
  run: string | null;
}

/** Patches from `first` to `last`: one of them is it. They differ only if those between could not be tried. */
export interface Blamed {
  first: number;
  last: number;
}

/** Where the series ends otherwise than the base alone. Scenarios that end alike are one finding. */
export interface TryFinding {
  pair: TryPair;
  scenarios: string[];
  outcome: Outcome;
  endsIn: EndsIn;
  /** The outcome of base -> base. */
  instead: Outcome;
  isWorse: boolean;
  title: string | null;
  /** Lines of the console and of the lab. */
  evidence: string[];
  run: string | null;
  /** Null if nobody looked for the patch. */
  patch: Blamed | null;
}

export interface TryKernel {
  name: string;
  release: string | null;
  /** Of the bzImage. */
  sha256: string;
}

/** What stands against the series before anything can be compared. */
export type TryStop =
  | { kind: 'does-not-apply'; patch: number; file: string | null; hunk: number | null; lines: string[] }
  | { kind: 'does-not-build'; files: string[]; lines: string[]; patches: number[]; patch: Blamed | null }
  | { kind: 'does-not-boot'; title: string | null; evidence: string[]; run: string | null; patch: Blamed | null };

export interface TryAbi {
  /** False if a layout changed and its version did not; null if that is not known. */
  ok: boolean | null;
  lines: string[];
}

export interface TryReport {
  schema: typeof TRY_SCHEMA;
  lab: string;
  startedAt: string;
  /** Seconds. */
  took: number;
  series: {
    title: string;
    version: number;
    from: string;
    patches: { title: string; files: string[] }[];
    notes: string[];
  };
  base: TryKernel;
  /** Null if it could not be built. */
  patched: TryKernel | null;
  /** The small kernels, without guests and devices. */
  small: boolean;
  /** Parts of the kernel that the series changes. */
  areas: string[];
  stop: TryStop | null;
  abi: TryAbi | null;
  rows: TryRow[];
  findings: TryFinding[];
  /** How to run it again. */
  command: string;
}
