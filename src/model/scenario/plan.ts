// SPDX-License-Identifier: Apache-2.0
// The plan of a matrix, checked: kernels are names, pairs and chains are spelt out.

/** Directions between the kernels of a plan, from the oldest to the newest. `same`: a kernel to itself. */
export const DIRECTIONS = ['forward', 'rollback', 'same'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/**
 * Who says what a cell must end in where no baseline does. `auto`: the scenario on its own kernels, the prediction on
 * others.
 */
export const EXPECTS = ['auto', 'scenario', 'prediction'] as const;

/** Which scenarios, and on which kernels. */
export interface Selection {
  /** Path of a file or a folder, absolute. */
  path: string;
  kind: 'file' | 'folder';
  /** A scenario must have all of these tags, and none of `without`. */
  tags: string[];
  without: string[];
  /** `own`: on the kernels that it names itself; `plan`: on the plan's pairs and chains. */
  kernels: 'own' | 'plan';
  repeats: number;
  /** Where it stands in the plan, for messages. */
  line: number;
}

/** Globs; null takes everything. A cell that matches all of them is left out. */
export interface Exclude {
  scenario: string | null;
  from: string | null;
  to: string | null;
  tag: string | null;
}

export interface Plan {
  name: string;
  description: string;
  /** Oldest first. */
  kernels: string[];
  /** Pairs and chains, each without repetition. */
  chains: string[][];
  selections: Selection[];
  excludes: Exclude[];
  limits: {
    /** Machines at once, and bytes of memory of all of them; null: what the host allows. */
    jobs: number | null;
    memory: number | null;
    /** Seconds a run. */
    timeout: number | null;
  };
  /** Further attempts at a cell whose outcome was `infra`. */
  retries: number;
  expect: (typeof EXPECTS)[number];
  /** Absolute path of the baseline; null where there is none. */
  baseline: string | null;
  /** Absolute path of the profile that all kernels are pinned to; null where there is none. */
  profile: string | null;
  file: string;
  source: string;
}
