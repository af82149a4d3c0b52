// SPDX-License-Identifier: Apache-2.0
// A report that is being read: from its first line to the end of its trace, bounded in lines and bytes.

import type { Format, PatternGroup } from './table.js';
import { CUT_HERE, REPORT_LINE, STACK_LINE } from './table.js';
import { completeTitle, componentHint, fillTitle } from './titles.js';
import type { Finding } from './types.js';

/** Lines of a report that are kept. */
const KEPT_LINES = 160;
/** Characters of a report that are kept. */
const KEPT_CHARS = 24 * 1024;
/** Lines after which a report is over, whatever they say. */
const MAX_LINES = 2000;
/**
 * Lines in a row that look like nothing of a report, after which it is over: where an end mark is still to come, and
 * where none is known.
 */
const PATIENCE = { marked: 60, unmarked: 6 };
/** Lines after `cut here` in which the title must come. */
const UNTITLED_LINES = 4;

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
  /** Lines kept when the last one that surely belongs to the report was. */
  private keep = 0;
  private strangers = 0;
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

  /** A new report may begin: this one has had its trace, so further headers are not its own. */
  get complete(): boolean {
    return this.sawEnd || this.sawStack;
  }

  /** Its last line has been seen; what may still come are registers. */
  get ended(): boolean {
    return this.sawEnd;
  }

  spoil(reason: string): void {
    this.damage ??= reason;
  }

  /** Takes the message if it belongs to the report; false: the report was over before it. */
  take(message: string, raw: string, hit: Hit | null): boolean {
    if (this.hit === null && hit !== null && hit.group.shape === 'report') this.hit = hit;
    if (this.hit === null && this.total > UNTITLED_LINES) return false;
    const own = this.total === 0 || hit?.group.shape === 'report' || message === CUT_HERE || REPORT_LINE.test(message);
    if (this.sawEnd && !own) return false;
    this.strangers = own ? 0 : this.strangers + 1;
    const patience = this.sawStack && this.hit?.group.end === undefined ? PATIENCE.unmarked : PATIENCE.marked;
    if (this.strangers > patience || this.total >= MAX_LINES) return false;
    this.total += 1;
    if (STACK_LINE.test(message)) this.sawStack = true;
    if (this.hit?.group.end?.test(message) === true && this.total > 1) this.sawEnd = true;
    if (this.lines.length < KEPT_LINES && this.chars + raw.length < KEPT_CHARS) {
      this.lines.push(raw);
      this.chars += raw.length + 1;
      if (own || this.sawEnd || !this.sawStack) this.keep = this.lines.length;
    }
    return true;
  }

  /** The report is over; `cause` says what ended it, where that was not its own end. */
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
