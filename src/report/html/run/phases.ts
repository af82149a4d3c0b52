// SPDX-License-Identifier: Apache-2.0
// The bars and marks of a run's timeline, in milliseconds. Pure.
import { kernelLabel } from '../../../model/kernel/label.js';
import type { Result } from '../../../model/result/result.js';
import type { EventRead } from '../../../store/run/read-logs.js';
import { asText } from '../../../util/unknown.js';
import { recoveryBegan } from '../../text/recovery.js';

export interface Bar {
  from: number;
  to: number;
  /** Class of the picture: boot, up, kexec, open, carried, broken, off. */
  look: 'boot' | 'up' | 'kexec' | 'open' | 'carried' | 'broken' | 'off';
  text: string;
}

export interface Lane {
  name: string;
  bars: Bar[];
}

export interface Mark {
  t: number;
  text: string;
  bad: boolean;
}

const MAX_SESSIONS = 6;

/** One lane for the kernels, one for each of the first sessions, and one for the IOMMU. */
export function lanesOf(result: Result, events: readonly EventRead[]): Lane[] {
  const end = endOf(result);
  return [kernels(result, end), ...sessions(events, end), ...iommu(result, end)];
}

export function endOf(result: Result): number {
  return Math.max(1, result.durations['total'] ?? 0, ...result.timeline.map(({ t }) => t));
}

function kernels(result: Result, end: number): Lane {
  const bars: Bar[] = [];
  const isCopied = result.snapshot !== null && 'rung' in result.snapshot;
  const recovery = recoveryBegan(result);
  const kexecs = result.timeline.filter(({ t, what }) => what === 'kexec' && (recovery === null || t < recovery));
  for (const [epoch, kernel] of result.kernels.entries()) {
    const label = kernelLabel(kernel.name);
    const jumpIn = epoch === 0 ? 0 : kexecs.find((each) => each.epoch === epoch - 1)?.t;
    if (jumpIn === undefined) break;
    const begins = result.timeline.find((each) => each.epoch === epoch && each.what.startsWith('kernel '))?.t;
    const up = result.timeline.find((each) => each.epoch === epoch && each.what.startsWith('user space of '))?.t;
    const until = kexecs.find((each) => each.epoch === epoch)?.t ?? recovery ?? end;
    if (epoch > 0)
      bars.push({
        from: jumpIn,
        to: up ?? until,
        look: 'kexec',
        text: `kexec to ${label}${up === undefined ? ', not up' : `: ${((up - jumpIn) / 1000).toFixed(1)} s`}`,
      });
    else
      bars.push({
        from: begins ?? 0,
        to: up ?? until,
        look: 'boot',
        text: `boot of ${label}${up === undefined ? ', not up' : ''}${isCopied ? ', from the snapshot' : ''}`,
      });
    if (up !== undefined) bars.push({ from: up, to: until, look: 'up', text: label });
  }
  if (recovery !== null)
    bars.push({ from: recovery, to: end, look: 'kexec', text: `recovery: ${result.recovery?.how ?? ''}` });
  return { name: 'kernel', bars };
}

function sessions(events: readonly EventRead[], end: number): Lane[] {
  const steps = events.filter(({ kind }) => kind === 'step');
  const kexecs = events.filter(({ kind, rest }) => kind === 'kexec' && rest['state'] === 'going').map(({ t }) => t);
  const names = [
    ...new Set(steps.filter(({ rest }) => rest['op'] === 'create').map(({ rest }) => asText(rest['target']))),
  ];
  const lanes = names.slice(0, MAX_SESSIONS).map((name): Lane => {
    const of = steps.filter(({ rest }) => rest['target'] === name);
    const bars: Bar[] = [];
    let open: number | null = null;
    const cuts = [
      ...of.map(({ t, rest }) => ({ t, op: asText(rest['op']), state: asText(rest['state']) })),
      ...kexecs.map((t) => ({ t, op: 'kexec', state: 'done' })),
    ].sort((a, b) => a.t - b.t);
    let carried: number | null = null;
    for (const { t, op, state } of cuts) {
      if (op === 'create' && state === 'done') open = t;
      if (op === 'kexec') {
        if (open !== null) bars.push({ from: open, to: t, look: 'open', text: `${name}: open` });
        if (open !== null || carried !== null) carried = carried ?? t;
        open = null;
      }
      if (op === 'retrieve-session' && carried !== null) {
        bars.push({
          from: carried,
          to: t,
          look: state === 'done' ? 'carried' : 'broken',
          text: state === 'done' ? `${name}: handed over` : `${name}: did not come back`,
        });
        open = state === 'done' ? t : null;
        carried = null;
      }
      if ((op === 'close' || op === 'finish') && open !== null) {
        bars.push({ from: open, to: t, look: 'open', text: `${name}: open until ${op}` });
        open = null;
      }
    }
    if (open !== null) bars.push({ from: open, to: end, look: 'open', text: `${name}: open` });
    if (carried !== null) bars.push({ from: carried, to: end, look: 'broken', text: `${name}: never came back` });
    return { name: `session ${name}`, bars };
  });
  if (names.length > MAX_SESSIONS) lanes.push({ name: `and ${names.length - MAX_SESSIONS} more sessions`, bars: [] });
  return lanes;
}

/** The times with and without translation of DMA. */
function iommu({ iommu: it }: Result, end: number): Lane[] {
  if (it === null) return [];
  const bars: Bar[] = [];
  let on: number | null = null;
  let off: number | null = null;
  for (const { t, what } of it.timeline) {
    if (what === 'enable' && on === null) {
      if (off !== null)
        bars.push({ from: off, to: t, look: 'off', text: `DMA is not translated: ${(t - off).toFixed(1)} ms` });
      [on, off] = [t, null];
    }
    if (what === 'disable' && on !== null) {
      bars.push({ from: on, to: t, look: 'up', text: 'DMA is translated' });
      [on, off] = [null, t];
    }
  }
  if (on !== null) bars.push({ from: on, to: end, look: 'up', text: 'DMA is translated' });
  if (off !== null) bars.push({ from: off, to: end, look: 'off', text: 'DMA is not translated until the end' });
  return [{ name: `IOMMU (${it.kind})`, bars }];
}

const MAX_MARKS = 60;

/** Each piece of evidence, at its time. */
export function marksOf({ incidents, timeline }: Result): Mark[] {
  const faults = timeline
    .filter(({ what }) => what.startsWith('fault '))
    .map(({ t, what }) => ({ t, text: what, bad: false }));
  return [...incidents.map(({ t, title, implies }) => ({ t, text: title, bad: implies !== null })), ...faults]
    .sort((a, b) => a.t - b.t)
    .slice(0, MAX_MARKS);
}
