// SPDX-License-Identifier: Apache-2.0
// A matrix: scenarios on kernels, with repeats. Each combination is a cell. results/<matrix>/ contains matrix.json
// (`Matrix`) and cells.jsonl (an `Attempt` on each line).
import type { EndsIn, Outcome } from './outcome.js';
import type { Rung } from './snapshot.js';
import type { Witness } from './witness.js';

/** Version of the format of matrix.json and cells.jsonl. */
export const MATRIX_SCHEMA = 1;

export const EXPECTATION_SOURCES = ['scenario', 'prediction', 'baseline'] as const;

export interface CellExpectation {
  outcome: Outcome;
  /** Null if it follows from the outcome. */
  endsIn: EndsIn | null;
  /** Where it comes from: the scenario, the prediction from the images, or the plan's committed baseline. */
  source: (typeof EXPECTATION_SOURCES)[number];
}

export interface Cell {
  /** Deterministic: from the scenario's path, the names of the kernels, and the repeat. */
  id: string;
  /** Path of the scenario; relative if it is in the lab's folder. */
  scenario: string;
  tags: string[];
  /** Names, one for each epoch: a pair or a chain. */
  kernels: string[];
  /** From 1. */
  repeat: number;
  expected: CellExpectation;
}

export interface Matrix {
  schema: typeof MATRIX_SCHEMA;
  /** Name of its folder under results/. */
  id: string;
  /** Path of the plan; relative if it is in the lab's folder. */
  plan: string;
  /** SHA-256 of the texts of the plan and its scenarios. It must not change when an interrupted matrix continues. */
  planSha256: string;
  labVersion: string;
  /** ISO 8601. */
  startedAt: string;
  /** Null until every cell has its outcome. */
  endedAt: string | null;
  cells: Cell[];
}

/** A finished attempt at a cell. Only `infra` is tried again, so the last attempt gives the cell's outcome. */
export interface Attempt {
  cell: string;
  /** From 1. */
  attempt: number;
  /** Name of the run's folder in results/, if there is one. */
  run: string | null;
  outcome: Outcome;
  endsIn: EndsIn;
  asExpected: boolean;
  /** Canonical title of the deciding incident, if any. */
  title: string | null;
  /** Waived witnesses that did not see. */
  without: Witness[];
  /** Where the run's snapshot was taken; null if the machine booted cold. */
  rung: Rung | null;
  /** Duration in milliseconds of a monotonic clock. */
  ms: number;
  /** ISO 8601, wall clock. */
  startedAt: string;
  /** HOST:PID of the process that ran it. */
  worker: string;
}

/** `cell.json` in a run's folder: the cell of this run. */
export interface CellOfRun {
  matrix: string;
  cell: string;
  attempt: number;
  worker: string;
}

/** All repeats of a scenario on the same kernels. */
export interface PairResult {
  scenario: string;
  tags: string[];
  kernels: string[];
  expected: CellExpectation;
  cells: Cell[];
  /** The last attempt of each finished cell, in the order of the repeats. */
  attempts: Attempt[];
  /** `pending`: some repeats are missing. `flaky`: outcomes or endings differ, which never counts as a pass. */
  state: Outcome | 'pending' | 'flaky';
  endsIn: EndsIn | null;
  /** False unless every repeat ended as expected. */
  asExpected: boolean;
  /** The outcomes, most frequent first. */
  rates: { outcome: Outcome; endsIn: EndsIn; count: number }[];
}
