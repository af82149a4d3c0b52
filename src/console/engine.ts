// SPDX-License-Identifier: Apache-2.0
// Reads a console while it arrives and reports marks and findings. The patterns are data (table.ts); memory is limited.

import { EpochTracker } from './epochs.js';
import { KeptFindings } from './kept-findings.js';
import { ConsoleLines, type ConsoleLine } from './lines.js';
import { messagesOf, type Message } from './messages.js';
import { lineFinding, Report, type Hit } from './report.js';
import type { PatternGroup } from './pattern.js';
import { CUT_HERE } from './report-lines.js';
import { PATTERN_GROUPS } from './table.js';
import type { ConsoleSignal, ConsoleSummary, Finding, Mark, Severity } from './types.js';

/** Literals of the lines that EpochTracker needs. */
const EPOCH_LITERALS = [
  'Linux version ',
  'Starting new kernel',
  'LAB-READY ',
  'SeaBIOS ',
  'BdsDxe: ',
  'UEFI firmware ',
  'qboot ',
];

/** Characters kept of the line above a finding, and seconds that may lie between the two. */
const MAX_REASON = 500;
const MAX_REASON_GAP = 0.5;

const LF = 0x0a;
// oxlint-disable-next-line no-control-regex
const UNUSUAL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]/;

export class ConsoleScanner {
  private readonly splitter = new ConsoleLines();
  private readonly epochs = new EpochTracker();
  private readonly interesting: RegExp;
  private report: Report | null = null;
  private signals: ConsoleSignal[] = [];
  private readonly kept = new KeptFindings();
  private lines = 0;
  /** This kernel prints time stamps, so a line without one is not from its log. */
  private stamped = false;
  /** Title of this kernel's last complaint. */
  private last: string | null = null;
  /** The previous line. */
  private above = '';

  constructor(private readonly groups: readonly PatternGroup[] = PATTERN_GROUPS) {
    const literals = [CUT_HERE, ...EPOCH_LITERALS, ...groups.flatMap((group) => group.headers)];
    this.interesting = new RegExp(literals.map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'));
  }

  /** Reads the next bytes. Returns new signals; a report comes once it is complete. */
  feed(bytes: Uint8Array): ConsoleSignal[] {
    this.splitter.feed(this.skipQuiet(bytes), (line) => this.line(line));
    return this.drain();
  }

  /** Skips blocks of whole lines without a literal of interest, so that a flood costs little; returns the rest. */
  private skipQuiet(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    if (!this.splitter.atLineStart) {
      const end = bytes.indexOf(LF) + 1;
      if (end === 0) return bytes;
      this.splitter.feed(bytes.subarray(0, end), (line) => this.line(line));
      rest = bytes.subarray(end);
    }
    const end = rest.lastIndexOf(LF) + 1;
    if (end === 0 || this.report !== null) return rest;
    const text = Buffer.from(rest.buffer, rest.byteOffset, end).toString('latin1');
    // Control characters could hide a literal from this search, and the first time stamp matters.
    if (UNUSUAL.test(text) || this.interesting.test(text) || (!this.stamped && text.includes('['))) return rest;
    let lines = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
    this.lines = this.splitter.skip(lines);
    this.above = text
      .slice(text.lastIndexOf('\n', text.length - 2) + 1, -1)
      .slice(0, MAX_REASON)
      .trimEnd();
    return rest.subarray(end);
  }

  /** After a pause: completes an open report. More bytes may follow. */
  flush(): ConsoleSignal[] {
    this.close('a pause');
    return this.drain();
  }

  /** After the last byte: reads an unfinished line and completes an open report. */
  end(): ConsoleSignal[] {
    this.splitter.end((line) => this.line(line));
    this.close('the end of the log');
    return this.drain();
  }

  /** The report that is not complete yet, for code that cannot wait for its end. */
  get open(): { title: string; severity: Severity } | null {
    return this.report === null ? null : { title: this.report.title, severity: this.report.severity };
  }

  get epoch(): number {
    return this.epochs.epoch;
  }

  /** Another source says that the kernel of `epoch` runs: a quiet kernel does not print its first line. */
  reached(epoch: number): ConsoleSignal[] {
    if (epoch > this.epochs.epoch) {
      this.close('another kernel');
      this.last = null;
    }
    this.epochs.reached(epoch);
    return this.drain();
  }

  summary(): ConsoleSummary {
    const findings = this.kept.all.sort((a, b) => a.finding.line - b.finding.line);
    return { findings, dropped: this.kept.dropped, lines: this.lines };
  }

  private drain(): ConsoleSignal[] {
    const signals = this.signals;
    this.signals = [];
    return signals;
  }

  private line(line: ConsoleLine): void {
    this.lines = line.number;
    this.read(line);
    this.above = line.text.slice(0, MAX_REASON);
  }

  private read(line: ConsoleLine): void {
    // The fast path for nearly every line of a healthy boot.
    if (this.report === null && !this.interesting.test(line.text)) {
      if (!this.stamped && line.text.startsWith('[')) this.stamped = messagesOf(line.text)[0]?.stamp != null;
      return;
    }
    const messages = messagesOf(line.text);
    const damage =
      messages.filter((message) => message.stamp !== null).length > 1
        ? 'interleaved output'
        : line.cut
          ? 'line too long'
          : null;
    for (const message of messages)
      this.message(message, line, messages.length === 1 ? line.text : message.text, damage);
  }

  private message(message: Message, line: ConsoleLine, raw: string, damage: string | null): void {
    if (message.stamp !== null) this.stamped = true;
    const fromKernel = message.stamp !== null || !this.stamped;
    const mark = this.epochs.see(message.text, line.number, { fromKernel, stamp: message.stamp });
    if (mark !== null) this.mark(mark);

    const hit = this.match(message.text, { fromKernel });
    const opens = hit?.group.shape === 'report' || (message.text === CUT_HERE && fromKernel);
    const place = { line: line.number, epoch: this.epochs.epoch };

    if (hit?.group.shape === 'line') {
      if (this.report?.ended === true) this.close(null);
      const reason = hit.format.reasonAbove === true ? this.reasonFor(message, hit) : null;
      const finding = lineFinding(
        hit,
        { ...place, after: hit.group.severity === 'info' ? null : this.last },
        reason === null ? raw : `${reason}\n${raw}`,
        damage,
      );
      this.emit(finding, hit.format.lookedFor === true ? 'looked-for' : 'severity');
    }
    if (this.report !== null) {
      const replaced = opens && (hit?.group.severity === 'panic' || this.report.complete);
      if (replaced) this.close('another report');
      else if (this.report.take(message.text, raw, hit)) {
        if (damage !== null) this.report.markCorrupted(damage);
        return;
      } else this.close(null);
    }
    if (!opens) return;
    this.report = new Report(hit, this.epochs.epoch, this.last, line.number);
    this.report.take(message.text, raw, hit);
    if (this.report.severity === 'panic')
      this.signals.push({
        type: 'mark',
        kind: 'panic',
        line: line.number,
        epoch: this.epochs.epoch,
        title: this.report.title,
      });
    if (damage !== null) this.report.markCorrupted(damage);
  }

  /** The line above, if it has about the same time stamp and comes from another part of the kernel. */
  private reasonFor({ stamp }: Message, { group }: Hit): string | null {
    const previous = messagesOf(this.above).at(-1);
    if (previous?.stamp == null || stamp === null) return null;
    if (previous.stamp > stamp || stamp - previous.stamp > MAX_REASON_GAP) return null;
    return group.headers.some((header) => previous.text.startsWith(header)) ? null : this.above;
  }

  private match(text: string, { fromKernel }: { fromKernel: boolean }): Hit | null {
    for (const group of this.groups) {
      if (!fromKernel && group.unstamped !== true) continue;
      if (!group.headers.some((header) => text.includes(header))) continue;
      if (group.suppress?.some((harmless) => harmless.test(text)) === true) continue;
      for (const format of group.formats) {
        const match = format.re.exec(text);
        if (match !== null) return { group, format, match };
      }
    }
    return null;
  }

  private mark(mark: Mark): void {
    if (mark.kind === 'ready') {
      this.signals.push(mark);
      return;
    }
    this.close(mark.kind === 'kexec-start' ? 'the kexec' : 'another kernel');
    // The next kernel may print no time stamps.
    if (mark.kind !== 'boot') this.stamped = false;
    this.last = null;
    this.signals.push(mark);
  }

  private close(cause: string | null): void {
    const report = this.report;
    if (report === null) return;
    this.report = null;
    this.emit(report.close(cause));
  }

  /** Reports the first finding with its title in an epoch; later ones are only counted. */
  private emit(finding: Finding, limit: 'severity' | 'looked-for' = 'severity'): void {
    if (finding.severity !== 'info') this.last = finding.title;
    if (this.kept.take(finding, limit)) this.signals.push(finding);
  }
}
