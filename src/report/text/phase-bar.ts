// SPDX-License-Identifier: Apache-2.0
// The run as one bar of time: when each kernel ran, and how long each kexec took.
import { kernelLabel } from '../../model/kernel/label.js';
import type { Result } from '../../model/result/result.js';
import { reaches, type Rung } from '../../model/result/snapshot.js';
import { printable } from '../../util/text/escape.js';
import { recoveryBegan } from './recovery.js';
import { seconds } from './style.js';

interface Phase {
  label: string;
  from: number;
  to: number;
}

/**
 * For each kernel: its boot, or the kexec into it, then its time in user space; at the end a recovery, if there was
 * one.
 */
function phasesOf(result: Result): Phase[] {
  const total = result.durations['total'] ?? 0;
  const recovery = recoveryBegan(result);
  const timeline = result.timeline.filter(({ t }) => recovery === null || t < recovery);
  const phases: Phase[] = [];
  const nameAt = (epoch: number) => kernelLabel(result.kernels[epoch]?.name ?? '?');
  let at = 0;
  const add = (label: string, to: number) => {
    if (to > at) phases.push({ label, from: at, to });
    at = Math.max(at, to);
  };
  const resumed = result.snapshot === null || 'none' in result.snapshot ? null : result.snapshot.rung;
  const live = resumed === null ? null : liveFrom(timeline, resumed);
  if (live !== null) add(`snapshot (${resumed})`, live.t);
  for (const { t, epoch, what } of timeline.slice(live === null ? 0 : timeline.indexOf(live) + 1)) {
    if (what.startsWith('user space of ')) add(epoch === 0 ? `boot ${nameAt(0)}` : `kexec to ${nameAt(epoch)}`, t);
    if (what === 'kexec') add(`${nameAt(epoch)}: prepare`, t);
  }
  const lastEpoch = timeline.at(-1)?.epoch ?? 0;
  const name = nameAt(lastEpoch);
  const up = timeline.some(({ epoch, what }) => epoch === lastEpoch && what.startsWith('user space of '));
  add(up ? `${name}: prove` : lastEpoch === 0 ? `boot ${name}, not up` : `kexec to ${name}, not up`, recovery ?? total);
  if (recovery !== null) add(`recovery: ${result.recovery?.how ?? ''}`, total);
  return phases;
}

/** The last main event before a rung: a resumed run copies all until then from the one that was saved. */
function liveFrom(timeline: Result['timeline'], rung: Rung): Result['timeline'][number] | null {
  const isUp = ({ what }: { what: string }) => what.startsWith('user space of ');
  const last =
    rung === 'booted'
      ? timeline.find((entry) => entry.epoch === 0 && isUp(entry))
      : reaches(rung, 'open')
        ? timeline.find((entry) => entry.epoch === 1 && isUp(entry))
        : timeline.find(({ what }) => what === 'kexec');
  return last ?? null;
}

const FILL = ['█', '▓', '▒', '░'];

/** At most `columns` wide. */
export function phaseBar(result: Result, columns: number): string[] {
  const phases = phasesOf(result).map(({ label, from, to }) => ({ label, ms: to - from }));
  return bar(phases, columns, seconds);
}

/**
 * One bar of consecutive parts, and its legend.
 * @param durationText shows the length of a part
 */
export function bar(
  parts: readonly { label: string; ms: number }[],
  columns: number,
  durationText: (ms: number) => string,
): string[] {
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  if (total <= 0) return [];
  const width = Math.max(20, Math.min(columns - 4, 96));
  const drawn = parts
    .map(({ ms }, i) => (FILL[i % FILL.length] as string).repeat(Math.max(1, Math.round((ms / total) * width))))
    .join('');
  const legend = parts.map(
    ({ label, ms }, i) => `${FILL[i % FILL.length]} ${printable(label, 100)} ${durationText(ms)}`,
  );
  return [`  ${drawn.slice(0, width)}`, ...legendRows(legend, width).map((row) => `  ${row}`)];
}

/** The entries of a legend: all in one row if they are few, else as many in each row as fit. */
function legendRows(entries: readonly string[], width: number): string[] {
  if (entries.length <= FILL.length + 1) return [entries.join('   ')];
  const rows: string[] = [];
  for (const entry of entries) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + 3 + entry.length <= width) rows[rows.length - 1] = `${last}   ${entry}`;
    else rows.push(entry);
  }
  return rows;
}
