// SPDX-License-Identifier: Apache-2.0
// How far runs that are to be the same agree: the console of each, line by line, with that of the first.
import { type Agreement, agreementOf } from '../../console/index.js';
import type { Result } from '../../model/result/result.js';
import { readConsole } from '../../store/run/read-logs.js';

export interface RunAgreement extends Agreement {
  /** Folder of the run that is compared with the first. */
  folder: string;
}

export function agreementsOf(folders: readonly string[]): RunAgreement[] {
  const [first, ...others] = folders;
  if (first === undefined) return [];
  const wanted = linesOf(first);
  return others.map((folder) => ({ folder, ...agreementOf(wanted, linesOf(folder)) }));
}

/** Both ends of a console that was too long to be read whole. */
function linesOf(folder: string): string[] {
  const { head, tail } = readConsole(folder);
  return [...head, ...tail];
}

/** Why a run cannot be the same each time; null if it can. */
export function whyNotSame({ qemu }: Result): string | null {
  return qemu.commandLine.includes('-icount')
    ? null
    : "--same: this machine's time follows the host's, because instructions cannot be counted on KVM or with guests";
}
