// SPDX-License-Identifier: Apache-2.0
// A checked plan of a matrix. Kernels are names, and all pairs and chains are spelled out.

/** Directions between two kernels of a plan, which lists the oldest first. `same`: from a kernel to itself. */
export const DIRECTIONS = ['forward', 'rollback', 'same'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/**
 * Where the expectation of a cell comes from if no baseline has it. `auto`: from the scenario on its own kernels, from
 * the prediction on others.
 */
export const EXPECTS = ['auto', 'scenario', 'prediction'] as const;

/** Some scenarios, and the kernels to run them on. */
export interface Selection {
  /** Absolute path of a file or a folder. */
  path: string;
  kind: 'file' | 'folder';
  /** Only scenarios with all of these tags and none of `without`. */
  tags: string[];
  without: string[];
  /** `own`: the kernels in the scenario. Otherwise pairs and chains, those of the plan or its own. */
  kernels: 'own' | 'plan' | string[][];
  repeats: number;
  /** Its line in the plan, for messages. */
  line: number;
}

/** Kernels of a git tree, one for each ref. */
export interface TreeSpec {
  /** Absolute path. */
  git: string;
  refs: string[];
  /** First part of their names; null for the name of the tree's folder. */
  name: string | null;
  /** Definition of the kernel whose configuration they get; null for that of the nearest version. */
  base: string | null;
}

/** Globs; null matches everything. A cell that matches all four is excluded. */
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
  /** Those of them that come from git trees. */
  fromTrees: string[];
  /** Pairs and chains, each without repetition. */
  chains: string[][];
  selections: Selection[];
  excludes: Exclude[];
  limits: {
    /** Machines at once, and their total memory in bytes; null for what the host allows. */
    jobs: number | null;
    memory: number | null;
    /** Seconds for each run. */
    timeout: number | null;
  };
  /** How often to repeat a cell whose outcome was `infra`. */
  retries: number;
  /** Share of the cells that also run cold, from 0 to 1. */
  cold: number;
  expect: (typeof EXPECTS)[number];
  /** Absolute path of the baseline, or null. */
  baseline: string | null;
  /** Absolute path of the profile that pins the versions of all kernels, or null. */
  profile: string | null;
  /** A hunt after the cells; null for none. */
  fuzz: { file: string; ms: number | null } | null;
  file: string;
  source: string;
}
