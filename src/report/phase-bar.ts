// SPDX-License-Identifier: Apache-2.0
// The run as one bar of time: where each kernel lived, and how long the kexec took.
import type { Result } from '../model/result.js';
import { printable } from '../util/escape.js';
import { seconds } from './style.js';

interface Phase {
  label: string;
  from: number;
  to: number;
}

/** A kernel's life in user space and what lies before it: its boot, or the kexec into it. */
function phasesOf(result: Result): Phase[] {
  const total = result.durations['total'] ?? 0;
  const phases: Phase[] = [];
  let at = 0;
  const add = (label: string, to: number) => {
    if (to > at) phases.push({ label, from: at, to });
    at = Math.max(at, to);
  };
  for (const { t, epoch, what } of result.timeline) {
    if (what.startsWith('user space of ')) add(epoch === 0 ? `boot ${result.kernels[0]?.name ?? ''}` : `kexec to ${result.kernels[epoch]?.name ?? '?'}`, t);
    if (what === 'kexec') add(`${result.kernels[epoch]?.name ?? '?'}: prepare`, t);
  }
  const lastEpoch = result.timeline.at(-1)?.epoch ?? 0;
  const name = result.kernels[lastEpoch]?.name ?? '?';
  const up = result.timeline.some(({ epoch, what }) => epoch === lastEpoch && what.startsWith('user space of '));
  add(up ? `${name}: prove` : lastEpoch === 0 ? `boot ${name}, not up` : `kexec to ${name}, not up`, total);
  return phases;
}

const FILL = ['█', '▓', '▒', '░'];

/** At most `columns` wide. */
export function phaseBar(result: Result, columns: number): string[] {
  const phases = phasesOf(result);
  const total = phases.at(-1)?.to ?? 0;
  if (total <= 0) return [];
  const width = Math.max(20, Math.min(columns - 4, 96));
  const bar = phases.map((phase, i) => (FILL[i % FILL.length] as string).repeat(Math.max(1, Math.round(((phase.to - phase.from) / total) * width)))).join('');
  const legend = phases.map((phase, i) => `${FILL[i % FILL.length]} ${printable(phase.label, 100)} ${seconds(phase.to - phase.from)}`);
  return [`  ${bar.slice(0, width)}`, `  ${legend.join('   ')}`];
}
