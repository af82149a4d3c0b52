// SPDX-License-Identifier: Apache-2.0
// Collects a report from its first line to the end of its trace, with limits on lines and bytes.

import type { Format, PatternGroup } from './pattern.js';
import { CUT_HERE, REPORT_LINE, STACK_LINE } from './report-lines.js';
import { completeTitle, componentHint, fillTitle } from './titles.js';
import type { Finding } from './types.js';

/** Lines kept of a report. */
const MAX_KEPT_LINES = 160;
/** Characters kept of a report. */
const MAX_KEPT_CHARS = 24 * 1024;
/** Lines after which a report is over in any case. */
const MAX_LINES = 2000;
/** A report ends after this many foreign lines in a row: while an end mark is expected, and if it has none. */
const MAX_FOREIGN_LINES = { beforeEndMark: 60, withoutEndMark: 6 };
/** The title must come within this many lines after `cut here`. */
const MAX_UNTITLED_LINES = 4;

export interface Hit {
  group: PatternGroup;
  format: Format;
  match: RegExpExecArray;
}

export function lineFinding(
  hit: Hit,
  place: { line: number; epoch: number; after: string | null },
  text: string,
  corrupted: string | null,
): Finding {
  return {
    type: 'finding',
    title: completeTitle(fillTitle(hit.format, hit.match), []),
    severity: hit.group.severity,
    implies: hit.format.implies === undefined ? hit.group.implies : hit.format.implies,
    taint: hit.format.taint === undefined ? (hit.group.taint ?? null) : hit.format.taint,
    text,
    corrupted,
    component: componentHint(hit.format, hit.match),
    ...place,
  };
}

export class Report {
  private readonly lines: string[] = [];
  private readonly firstLine: number;
  private chars = 0;
  private total = 0;
  /** Number of kept lines up to the last one that certainly belongs to the report. */
  private keep = 0;
  /** Foreign lines in a row. */
  private foreign = 0;
  private sawStack = false;
  private sawEnd = false;
  private damage: string | null = null;

  constructor(
    private hit: Hit | null,
    private readonly epoch: number,
    private readonly after: string | null,
    line: number,
  ) {
    this.firstLine = line;
  }

  get title(): string {
    return this.hit === null ? 'cut here' : completeTitle(fillTitle(this.hit.format, this.hit.match), this.lines);
  }

  get severity(): Finding['severity'] {
    return this.hit?.group.severity ?? 'warning';
  }

  /** This report has its trace, so another header starts a new report. */
  get complete(): boolean {
    return this.sawEnd || this.sawStack;
  }

  /** Its last line was seen; only registers may follow. */
  get ended(): boolean {
    return this.sawEnd;
  }

  markCorrupted(reason: string): void {
    this.damage ??= reason;
  }

  /** Takes the message if it belongs to the report; returns false if the report is over. */
  take(message: string, raw: string, hit: Hit | null): boolean {
    if (this.hit === null && hit !== null && hit.group.shape === 'report') this.hit = hit;
    if (this.hit === null && this.total > MAX_UNTITLED_LINES) return false;
    const own = this.total === 0 || hit?.group.shape === 'report' || message === CUT_HERE || REPORT_LINE.test(message);
    if (this.sawEnd && !own) return false;
    this.foreign = own ? 0 : this.foreign + 1;
    const noEndMark = this.sawStack && this.hit?.group.end === undefined;
    const maxForeign = noEndMark ? MAX_FOREIGN_LINES.withoutEndMark : MAX_FOREIGN_LINES.beforeEndMark;
    if (this.foreign > maxForeign || this.total >= MAX_LINES) return false;
    this.total += 1;
    if (STACK_LINE.test(message)) this.sawStack = true;
    if (this.hit?.group.end?.test(message) === true && this.total > 1) this.sawEnd = true;
    if (this.lines.length < MAX_KEPT_LINES && this.chars + raw.length < MAX_KEPT_CHARS) {
      this.lines.push(raw);
      this.chars += raw.length + 1;
      if (own || this.sawEnd || !this.sawStack) this.keep = this.lines.length;
    }
    return true;
  }

  /**
   * Completes the report.
   * @param cause what ended it, if it was not its own end
   */
  close(cause: string | null): Finding {
    const kept = this.lines.slice(0, this.keep);
    const text = this.total > this.lines.length ? [...kept, `(${this.total - this.lines.length} more lines)`] : kept;
    const cutOff =
      this.hit?.group.endRequired === true && !this.sawEnd ? `no end of trace before ${cause ?? 'other output'}` : null;
    const untitled = this.hit === null ? 'no title after the cut' : null;
    const base =
      this.hit === null
        ? {
            title: 'cut here: unknown report',
            severity: 'warning' as const,
            implies: 'tainted' as const,
            taint: 'warn' as const,
            component: null,
          }
        : lineFinding(this.hit, { line: 0, epoch: 0, after: null }, '', null);
    return {
      type: 'finding',
      title: this.hit === null ? base.title : this.title,
      severity: base.severity,
      implies: base.implies,
      taint: base.taint,
      line: this.firstLine,
      text: text.join('\n'),
      corrupted: this.damage ?? untitled ?? cutOff,
      component: base.component,
      after: this.after,
      epoch: this.epoch,
    };
  }
}
