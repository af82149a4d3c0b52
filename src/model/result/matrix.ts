// SPDX-License-Identifier: Apache-2.0
// A matrix: scenarios by kernels by repeats, each one a cell. results/<matrix>/ holds matrix.json (`Matrix`) and
// cells.jsonl (one `Attempt` a line).
import type { EndsIn, Outcome } from './outcome.js';
import type { Witness } from './witness.js';

/** Version of the form of matrix.json and cells.jsonl. */
export const MATRIX_SCHEMA = 1;

export const EXPECTATION_SOURCES = ['scenario', 'prediction', 'baseline'] as const;

export interface CellExpectation {
  outcome: Outcome;
  /** Null where it follows from the outcome. */
  endsIn: EndsIn | null;
  /** Who says so: the scenario's own words, what the images foretell, or the committed baseline of the plan. */
  source: (typeof EXPECTATION_SOURCES)[number];
}

export interface Cell {
  /** Deterministic: from the scenario's path, the kernels by name, and the repeat. */
  id: string;
  /** Path of the scenario, from the folder of the lab where it lies in there. */
  scenario: string;
  tags: string[];
  /** By name, one an epoch: a pair or a chain. */
  kernels: string[];
  /** From 1. */
  repeat: number;
  expected: CellExpectation;
}

export interface Matrix {
  schema: typeof MATRIX_SCHEMA;
  /** Name of its folder under results/. */
  id: string;
  /** Path of the plan, as a cell's scenario is given. */
  plan: string;
  /** SHA-256 of the plan's text and of the texts of its scenarios: a matrix that goes on later is the same matrix. */
  planSha256: string;
  labVersion: string;
  /** ISO 8601. */
  startedAt: string;
  /** Null until every cell has its outcome. */
  endedAt: string | null;
  cells: Cell[];
}

/** One finished attempt at a cell. Only `infra` is tried again, so the last attempt at a cell is its outcome. */
export interface Attempt {
  cell: string;
  /** From 1. */
  attempt: number;
  /** Name of the run's folder in results/; null where there is none. */
  run: string | null;
  outcome: Outcome;
  endsIn: EndsIn;
  asExpected: boolean;
  /** Canonical title of the evidence that decided; null where none did. */
  title: string | null;
  /** Witnesses that the user did without, and that did not see. */
  without: Witness[];
  /** How long it took, in milliseconds of a monotonic clock. */
  ms: number;
  /** ISO 8601, wall clock. */
  startedAt: string;
  /** HOST:PID of the process that ran it. */
  worker: string;
}

/** `cell.json` in a run's folder: which cell's run this is. */
export interface CellOfRun {
  matrix: string;
  cell: string;
  attempt: number;
  worker: string;
}

/** Repeats of one scenario on the same kernels, together. */
export interface PairResult {
  scenario: string;
  tags: string[];
  kernels: string[];
  expected: CellExpectation;
  cells: Cell[];
  /** Of each cell that has been run: its last attempt, in the order of the repeats. */
  attempts: Attempt[];
  /**
   * `pending`: not all repeats have been run. `flaky`: their outcomes or endings differ; never averaged into a pass.
   */
  state: Outcome | 'pending' | 'flaky';
  endsIn: EndsIn | null;
  /** False unless every repeat ended as expected. */
  asExpected: boolean;
  /** Which outcomes there were, most frequent first. */
  rates: { outcome: Outcome; endsIn: EndsIn; count: number }[];
}
