// SPDX-License-Identifier: Apache-2.0
// What the processors were doing when a machine reset or went down. QEMU has paused it at that moment
// (qemu/args.ts), so its registers still show it: after a triple fault they are often the only trace.
import type { KernelImage } from '../../model/kernel/image.js';
import { LAST_REGISTERS } from '../../model/result/incident.js';
import { parseVcpus } from '../../qemu/vcpus.js';
import { within } from '../../util/deadline.js';
import { type Ending, MachineEnded } from '../machine/ending.js';
import type { Machine } from '../machine/machine.js';
import { lineOf, namer } from '../machine/standstill.js';
import type { Recorder } from './recorder.js';

/** Milliseconds. */
const DEADLINE = 10_000;
const MAX_TEXT = 1 << 20;
/** Processors, and lines of each: an incident keeps 200 lines. */
const MAX_PROCESSORS = 6;
const MAX_LINES = 30;

/** A cold boot has other registers by now, and a panic prints its own. */
const SHOWS: Readonly<Record<Ending['kind'], boolean>> = {
  reset: true,
  shutdown: true,
  panic: false,
  'cold-boot': false,
  'qemu-gone': false,
};

type Ended = Pick<Machine, 'ended' | 'human'>;

/**
 * Records the registers of a machine that has reset or gone down; does nothing after another end. Never rejects.
 * @param image the kernel that ran last; null if its symbols are not wanted
 */
export async function recordLastRegisters(
  machine: Ended,
  recorder: Recorder,
  image: KernelImage | null,
): Promise<void> {
  const end: unknown = machine.ended.reason;
  if (!(end instanceof MachineEnded) || !SHOWS[end.ending.kind]) return;
  const asked = within(machine.human('info registers -a'), {
    ms: DEADLINE,
    what: 'registers of the ended machine',
    whose: 'host',
  });
  const detail = registersText((await asked.catch(() => '')).slice(0, MAX_TEXT), image);
  if (detail === '') return;
  recorder.incident({ source: 'qmp', side: 'outside', implies: null, title: LAST_REGISTERS, detail });
}

/** One line about each processor, then the registers of each. Empty if the text has none. */
export function registersText(text: string, image: KernelImage | null): string {
  const vcpus = parseVcpus(text).slice(0, MAX_PROCESSORS);
  const name = namer(image);
  const parts = text.split(/^(?=CPU#)/m).filter((part) => part.startsWith('CPU#'));
  return [
    ...vcpus.map((vcpu) => lineOf(vcpu, [], name(vcpu.rip))),
    ...parts.slice(0, vcpus.length).flatMap(systemRegisters),
  ].join('\n');
}

/** Without those of the floating-point unit, which come last and are most of it. */
function systemRegisters(part: string): string[] {
  const lines = part.trim().split(/\r?\n/);
  const end = lines.findIndex((line) => line.startsWith('FCW='));
  return lines.slice(0, Math.min(MAX_LINES, end < 0 ? lines.length : end));
}
