// SPDX-License-Identifier: Apache-2.0
// What a console tells: marks (a kernel began, a kexec began, ...) and findings (a kernel complained).
import type { Outcome } from '../model/result/outcome.js';
import type { TaintName } from '../model/result/taint.js';

export const SEVERITIES = ['panic', 'oops', 'warning', 'kho', 'luo', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a message says about one component of the handover format; null and empty where it does not say. */
export interface ComponentHint {
  component: string;
  /** The version that was found in the handover. */
  wrote: number | null;
  /** The versions that the speaking kernel understands. */
  reads: number[];
}

export interface Finding {
  type: 'finding';
  /** Canonical: addresses, numbers, CPUs and paths replaced, so that the same bug has the same title every night. */
  title: string;
  severity: Severity;
  /** The outcome that this line alone stands for; null where the ending of the machine decides. */
  implies: Outcome | null;
  /** How the kernel marks itself as it says so; null where it does not. */
  taint: TaintName | null;
  /** First line of the report in the raw log, from 1. */
  line: number;
  /** The report, from its first line to the end of its trace, bounded. */
  text: string;
  /** Why the report cannot be trusted in full: cut off, interleaved, too long. It is weak evidence, but evidence. */
  corrupted: string | null;
  component: ComponentHint | null;
  /** Title of the complaint of the same kernel that came right before, if any: what a panic followed from. */
  after: string | null;
  /** Kernel life in which it was seen: 0 is the first kernel on this console. */
  epoch: number;
}

export type Mark =
  /** A kernel's first line. `how`: the first on this console, expected after a kexec, or cold: nobody asked for it. */
  | { type: 'mark'; kind: 'boot'; line: number; epoch: number; release: string; how: 'first' | 'kexec' | 'cold' }
  /** The old kernel jumps. */
  | { type: 'mark'; kind: 'kexec-start'; line: number; epoch: number }
  /** The firmware speaks: the machine comes up cold. */
  | { type: 'mark'; kind: 'firmware'; line: number; epoch: number; banner: string }
  /**
   * A panic report begins: told at once, for whoever waits for the machine; the finding comes when the report is
   * complete.
   */
  | { type: 'mark'; kind: 'panic'; line: number; epoch: number; title: string }
  /** User space is up. `json` is null where the line came through damaged. */
  | { type: 'mark'; kind: 'ready'; line: number; epoch: number; json: unknown };

export type ConsoleSignal = Mark | Finding;

/** A finding with the number of times that its title was seen. */
export interface CountedFinding {
  finding: Finding;
  count: number;
}

export interface ConsoleSummary {
  /** In the order of their first appearance. */
  findings: CountedFinding[];
  /**
   * Findings with further titles, beyond the limits: counted, not kept. No outcome and no taint is among them that was
   * not told.
   */
  dropped: number;
  /** Lines seen so far. */
  lines: number;
}
