// SPDX-License-Identifier: Apache-2.0
// The signals on a console: marks (a kernel booted, a kexec started, ...) and findings (a kernel complained).
import type { Outcome } from '../model/result/outcome.js';
import type { TaintName } from '../model/result/taint.js';

export const SEVERITIES = ['panic', 'oops', 'warning', 'kho', 'luo', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a message says about one component of the handover format; null or empty if it does not say. */
export interface ComponentHint {
  component: string;
  /** The version found in the handover. */
  wrote: number | null;
  /** The versions that the kernel with this message understands. */
  reads: number[];
}

export interface Finding {
  type: 'finding';
  /** Canonical: without addresses, numbers, CPUs and paths, so that the same bug has the same title every night. */
  title: string;
  severity: Severity;
  /** The outcome that this line alone implies; null if the end of the run decides. */
  implies: Outcome | null;
  /** The taint that the kernel sets with this message, if any. */
  taint: TaintName | null;
  /** First line of the report in the raw log, from 1. */
  line: number;
  /** The report, from its first line to the end of its trace. Its length is limited. */
  text: string;
  /** Why the report is weak evidence: cut off, interleaved or too long. */
  corrupted: string | null;
  component: ComponentHint | null;
  /** Title of the previous complaint of the same kernel, if any: often the cause of a panic. */
  after: string | null;
  /** The kernel that printed it: 0 is the first kernel on this console. */
  epoch: number;
}

export type Mark =
  /** A kernel's first line. `how`: the first on this console, expected after a kexec, or an unexpected cold boot. */
  | { type: 'mark'; kind: 'boot'; line: number; epoch: number; release: string; how: 'first' | 'kexec' | 'cold' }
  /** The old kernel jumps. */
  | { type: 'mark'; kind: 'kexec-start'; line: number; epoch: number }
  /** Firmware output: the machine boots cold. */
  | { type: 'mark'; kind: 'firmware'; line: number; epoch: number; banner: string }
  /** A panic report begins. The mark is immediate, for code that waits; the finding follows with the whole report. */
  | { type: 'mark'; kind: 'panic'; line: number; epoch: number; title: string }
  /** User space is up. `json` is null if the line was damaged. */
  | { type: 'mark'; kind: 'ready'; line: number; epoch: number; json: unknown };

export type ConsoleSignal = Mark | Finding;

/** A finding and how often its title was seen. */
export interface CountedFinding {
  finding: Finding;
  count: number;
}

export interface ConsoleSummary {
  /** Ordered by first appearance. */
  findings: CountedFinding[];
  /** Findings beyond the limits: counted, not kept. Every outcome and every taint among them was reported once. */
  dropped: number;
  /** Lines seen so far. */
  lines: number;
}
