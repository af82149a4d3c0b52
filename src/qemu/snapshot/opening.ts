// SPDX-License-Identifier: Apache-2.0
// How QEMU opens the file of a saved machine's RAM, which it maps privately in any case. QEMU 7.2 opens it for writing,
// and that as a user of its own: the file must be open to all, and its folder closed. A QEMU that has the option `rom`
// (8.2) opens it read-only.
import { accessSync, constants, statSync } from 'node:fs';
import { runCommand } from '../../util/process/command.js';
import type { ResumedFrom } from '../args.js';
import { optionsOf } from '../probe.js';

export type RamOpening = ResumedFrom['opening'];

/** The mode of the file. It also tells how the file is to be opened. */
export const RAM_MODE: Readonly<Record<RamOpening, number>> = { 'read-write': 0o666, 'read-only': 0o644 };
const FOR_ALL = 0o002;

const known = new Map<string, RamOpening>();

/**
 * Asks QEMU once, for machines that are to be saved.
 * @param binary path of QEMU
 */
export async function ramOpening(binary: string, signal: AbortSignal): Promise<RamOpening> {
  const opening = known.get(binary) ?? (await ask(binary, signal));
  known.set(binary, opening);
  return opening;
}

async function ask(binary: string, signal: AbortSignal): Promise<RamOpening> {
  const { stdout } = await runCommand([binary, '-object', 'memory-backend-file,help'], { signal, maxOutput: 64 << 10 });
  return optionsOf(stdout).includes('rom') ? 'read-only' : 'read-write';
}

/** A machine that is resumed from a file that `saveRam` wrote. */
export function resumedFrom(ramFile: string): ResumedFrom {
  return { ramFile, opening: (statSync(ramFile).mode & FOR_ALL) === 0 ? 'read-only' : 'read-write' };
}

/** Why QEMU cannot open a file that `saveRam` wrote; null if it can. */
export function ramProblem(ramFile: string): string | null {
  if (resumedFrom(ramFile).opening === 'read-only') return null;
  try {
    accessSync(ramFile, constants.W_OK);
    return null;
  } catch {
    return 'this QEMU opens the RAM of a saved machine for writing, and the cache cannot be written';
  }
}
