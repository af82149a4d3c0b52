// SPDX-License-Identifier: Apache-2.0
// The console of a run. Crash lines are marked, and each line has a link. If it does not fit, the lines around crashes
// and the end are kept.
import type { ConsoleRead, EventRead } from '../../../store/run/read-logs.js';
import { asNumber, asText } from '../../../util/unknown.js';
import { show } from '../parts/page.js';

export interface CrashLine {
  /** From 1. */
  line: number;
  title: string;
  severity: string;
}

/** Lines that the crash table recognised, from the run's events. */
export function crashLines(events: readonly EventRead[]): CrashLine[] {
  return events
    .filter(({ kind }) => kind === 'crash')
    .map(({ rest }) => ({
      line: asNumber(rest['line']),
      title: asText(rest['title']),
      severity: asText(rest['severity']),
    }));
}

const BEFORE = 4;
const AFTER = 14;
const LAST = 12;
const MAX_LINE = 400;

export interface Part {
  /** Number of the first line, from 1. */
  first: number;
  lines: string[];
}

/** The parts of the console to show: everything if it has fewer than `budget` characters. */
export function partsOf({ head }: ConsoleRead, crashes: readonly CrashLine[], budget: number): Part[] {
  if (head.reduce((sum, line) => sum + Math.min(line.length, MAX_LINE) + 8, 0) <= budget)
    return head.length === 0 ? [] : [{ first: 1, lines: head }];
  const wanted = new Set<number>();
  let left = budget;
  const want = (from: number, to: number) => {
    for (let line = Math.max(1, from); line <= Math.min(head.length, to); line++) {
      if (wanted.has(line)) continue;
      left -= Math.min(head[line - 1]?.length ?? 0, MAX_LINE) + 8;
      if (left < 0) return;
      wanted.add(line);
    }
  };
  for (const { line } of crashes) want(line - BEFORE, line + AFTER);
  want(head.length - LAST + 1, head.length);
  const parts: Part[] = [];
  for (const line of [...wanted].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last !== undefined && last.first + last.lines.length === line) last.lines.push(head[line - 1] ?? '');
    else parts.push({ first: line, lines: [head[line - 1] ?? ''] });
  }
  return parts;
}

interface ConsoleProps {
  log: ConsoleRead;
  crashes: readonly CrashLine[];
  parts: readonly Part[];
  /** Path of the whole file for the reader. */
  file: string;
}

export function Console({ log, crashes, parts, file }: ConsoleProps) {
  const marked = new Map(crashes.map((crash) => [crash.line, crash]));
  const shown = parts.reduce((sum, { lines }) => sum + lines.length, 0);
  const whole = shown === log.head.length && log.leftOut === 0 && log.tail.length === 0;
  const links = crashes.filter(({ line }) =>
    parts.some(({ first, lines }) => line >= first && line < first + lines.length),
  );
  return (
    <section aria-labelledby="console-head">
      <h2 id="console-head">Console</h2>
      {links.length === 0 ? null : (
        <ul class="crashes">
          {links.map(({ line, title, severity }) => (
            <li key={`${line}${title}`}>
              <a href={`#L${line}`}>{line}</a> {show(severity, 40)} {show(title)}
            </li>
          ))}
        </ul>
      )}
      {whole ? null : (
        <p class="faint">
          {shown} of {log.head.length} lines{log.leftOut > 0 || log.tail.length > 0 ? ' of its beginning' : ''}; all of
          it is in <code>{show(file)}</code>
        </p>
      )}
      {parts.map(({ first, lines }) => (
        <pre key={first} class="console" tabIndex={0}>
          {linesOf(first, lines, marked)}
        </pre>
      ))}
    </section>
  );
}

/** Lines without a mark become one text, so that the page stays small. */
function linesOf(first: number, lines: readonly string[], marked: ReadonlyMap<number, CrashLine>) {
  const out = [];
  let plain = '';
  for (const [at, line] of lines.entries()) {
    const number = first + at;
    const text = show(line, MAX_LINE);
    if (!marked.has(number)) {
      plain += `${String(number).padStart(5)} ${text}\n`;
      continue;
    }
    out.push(
      plain,
      <mark id={`L${number}`}>
        <a href={`#L${number}`}>{String(number).padStart(5)}</a> {text}
      </mark>,
    );
    plain = '';
  }
  out.push(plain);
  return out;
}
