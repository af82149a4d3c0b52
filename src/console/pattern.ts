// SPDX-License-Identifier: Apache-2.0
// How the crash tables (table/) describe a console message. The engine knows only these types.
import type { Outcome } from '../model/result/outcome.js';
import type { TaintName } from '../model/result/taint.js';
import type { Severity } from './types.js';

export interface Format {
  /** Matched against the message, which is the line without its time stamp. */
  re: RegExp;
  /** {1} is a capture made canonical, {=1} the capture as it is, {fn} the function in the report's RIP or trace. */
  title: string;
  /**
   * Captures with the version of a handover component: the one that the kernel found (`wrote`) and the one that it
   * understands (`reads`). Each is NAME-vN, or a plain number if `name` is set.
   */
  component?: { name?: string; wrote?: number; reads?: number };
  /** Outcome of this line alone, if it differs from its group's. */
  implies?: Outcome | null;
  /** Taint that the kernel sets with this message, if it differs from its group's. */
  taint?: TaintName | null;
  /** Other code looks for this title, so it has a higher limit of its own. */
  lookedFor?: true;
  /** The line right above gives the reason for this one and is kept with it. */
  reasonAbove?: true;
}

export interface PatternGroup {
  name: string;
  severity: Severity;
  implies: Outcome | null;
  /** Taint that the kernel sets with these messages (model/result/taint.ts). Use it with `implies: 'tainted'`. */
  taint?: TaintName;
  /** Literals for the fast scan. Every line of the group contains at least one of them. */
  headers: string[];
  /** Ordered: the first one that matches names the finding. */
  formats: Format[];
  /** A `line` stands alone. A `report` continues up to its end mark or the end of its trace. */
  shape: 'line' | 'report';
  /** The line that completes a report. With `endRequired`, a report without it was cut off. */
  end?: RegExp;
  endRequired?: boolean;
  /** May have no time stamp even if the kernel prints them: early code bypasses the log. */
  unstamped?: boolean;
  /** Lines that look like this group but are harmless. */
  suppress?: RegExp[];
}
