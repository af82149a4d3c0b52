// SPDX-License-Identifier: Apache-2.0
// Waits until a command has come to a certain point.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mark, Places } from './table.js';

const SIGHUP = 1n;
/** A QEMU that only says what it can do has no console. */
const CONSOLE = '/console.log';
const LOOK_EVERY_MS = 5;
/** A mark that has not come by then never comes. */
const MAX_WAIT_MS = 180_000;

export interface Watched {
  pid: number;
  places: Places;
  /** All that it has written. */
  output: () => string;
  hasEnded: () => boolean;
}

/** @returns false if the command ended before the mark came */
export async function untilMark(mark: Mark, watched: Watched): Promise<boolean> {
  return until(`the mark ${JSON.stringify(mark.kind)}`, watched, () => isThere(mark, watched));
}

/** Until the process has taken a signal that was sent to it: one more before that would be merged with it. */
export async function untilTaken(signal: NodeJS.Signals, number: bigint, watched: Watched): Promise<boolean> {
  return until(`${signal} to be taken`, watched, () => !hasBit(watched.pid, 'ShdPnd', number));
}

async function until(what: string, { hasEnded }: Watched, condition: () => boolean): Promise<boolean> {
  for (const end = performance.now() + MAX_WAIT_MS; !condition();) {
    if (hasEnded()) return false;
    if (performance.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return !hasEnded();
}

function isThere(mark: Mark, { pid, places, output }: Watched): boolean {
  switch (mark.kind) {
    case 'catches-signals':
      return hasBit(pid, 'SigCgt', SIGHUP);
    case 'machine':
      return commandLines().some((line) => ['qemu-system', places.dir, CONSOLE].every((word) => line.includes(word)));
    case 'output':
      return mark.text.test(output());
    case 'file':
      return filesIn(places[mark.folder]).some(
        (path) => mark.path.test(path) && (mark.text?.test(textOf(join(places[mark.folder], path))) ?? true),
      );
  }
}

function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? [textOf(`/proc/${pid}/cmdline`)] : []));
}

/** A bit of a mask of signals (proc(5)). */
function hasBit(pid: number, mask: 'SigCgt' | 'ShdPnd', signal: bigint): boolean {
  const bits = new RegExp(`^${mask}:\\s+([0-9a-f]+)$`, 'm').exec(textOf(`/proc/${pid}/status`))?.[1];
  return bits !== undefined && ((BigInt(`0x${bits}`) >> (signal - 1n)) & 1n) === 1n;
}

function filesIn(folder: string): string[] {
  try {
    return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  } catch {
    // A folder of it has just gone.
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
