// SPDX-License-Identifier: Apache-2.0
// The run as one bar of time: where each kernel lived, and how long the kexec took.
import type { Result } from '../../model/result/result.js';
import { printable } from '../../util/text/escape.js';
import { recoveryBegan } from './recovery.js';
import { seconds } from './style.js';

interface Phase {
  label: string;
  from: number;
  to: number;
}

/**
 * A kernel's life in user space and what lies before it: its boot, or the kexec into it; at the end a way out that was
 * tried.
 */
function phasesOf(result: Result): Phase[] {
  const total = result.durations['total'] ?? 0;
  const recovery = recoveryBegan(result);
  const timeline = result.timeline.filter(({ t }) => recovery === null || t < recovery);
  const phases: Phase[] = [];
  let at = 0;
  const add = (label: string, to: number) => {
    if (to > at) phases.push({ label, from: at, to });
    at = Math.max(at, to);
  };
  for (const { t, epoch, what } of timeline) {
    if (what.startsWith('user space of '))
      add(epoch === 0 ? `boot ${result.kernels[0]?.name ?? ''}` : `kexec to ${result.kernels[epoch]?.name ?? '?'}`, t);
    if (what === 'kexec') add(`${result.kernels[epoch]?.name ?? '?'}: prepare`, t);
  }
  const lastEpoch = timeline.at(-1)?.epoch ?? 0;
  const name = result.kernels[lastEpoch]?.name ?? '?';
  const up = timeline.some(({ epoch, what }) => epoch === lastEpoch && what.startsWith('user space of '));
  add(up ? `${name}: prove` : lastEpoch === 0 ? `boot ${name}, not up` : `kexec to ${name}, not up`, recovery ?? total);
  if (recovery !== null) add(`way out: ${result.recovery?.how ?? ''}`, total);
  return phases;
}

const FILL = ['█', '▓', '▒', '░'];

/** At most `columns` wide. */
export function phaseBar(result: Result, columns: number): string[] {
  const phases = phasesOf(result).map(({ label, from, to }) => ({ label, ms: to - from }));
  return bar(phases, columns, seconds);
}

/** One bar of parts that follow each other, and what they are. @param words a length for people */
export function bar(
  parts: readonly { label: string; ms: number }[],
  columns: number,
  words: (ms: number) => string,
): string[] {
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  if (total <= 0) return [];
  const width = Math.max(20, Math.min(columns - 4, 96));
  const drawn = parts
    .map(({ ms }, i) => (FILL[i % FILL.length] as string).repeat(Math.max(1, Math.round((ms / total) * width))))
    .join('');
  const legend = parts.map(({ label, ms }, i) => `${FILL[i % FILL.length]} ${printable(label, 100)} ${words(ms)}`);
  return [`  ${drawn.slice(0, width)}`, ...rows(legend, width).map((row) => `  ${row}`)];
}

/** Words of a legend, as many in a row as fit; one row where there are few. */
function rows(words: readonly string[], width: number): string[] {
  if (words.length <= FILL.length + 1) return [words.join('   ')];
  const found: string[] = [];
  for (const word of words) {
    const last = found.at(-1);
    if (last !== undefined && last.length + 3 + word.length <= width) found[found.length - 1] = `${last}   ${word}`;
    else found.push(word);
  }
  return found;
}
