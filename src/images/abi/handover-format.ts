// SPDX-License-Identifier: Apache-2.0
// What the lab must know of a kernel to find what it hands over: the layouts of its structures, and where it keeps the
// root. Read before the machine starts. To count what a kernel has set aside its symbols are enough, so that any
// refusal can be judged.
import { readFileSync } from 'node:fs';
import type { ImageContext } from '../index.js';
import type { Structure } from '../../model/kernel/abi.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { LabError } from '../../util/errors.js';
import { kernelAbi } from './kernel-abi.js';

export interface HandoverFormat {
  structures: Structure[];
  /** The variable `kho_out`: linear addresses, `end` exclusive. */
  khoOut: { start: bigint; end: bigint };
  /**
   * The function `machine_kexec`, where the old kernel has written everything and nothing of the next one runs. Linear
   * address.
   */
  machineKexec: bigint;
  /** The variable `luo_file_handler_list`; null where the kernel has no LUO. Linear address. */
  handlers: bigint | null;
}

/** Largest variable that is looked through, in bytes. */
const MOST_VARIABLE = 4096n;

/**
 * True where the run must find its way in what its kernels hand over: a fault changes it, the running kernel is asked
 * before the kexec, or what it set aside must be counted.
 */
export function looksIntoHandover(scenario: Scenario): boolean {
  return demandsHandover(scenario) || scenario.expect.outcome === 'refused';
}

/** Without it such a scenario cannot be run at all. */
export function demandsHandover(scenario: Scenario): boolean {
  return (
    scenario.policy === 'check' || scenario.steps.some((step) => step.op === 'fault' && step.fault.kind === 'change')
  );
}

/** Sizes of the parts of the map of 7.1 and later: each is a page (include/linux/kho/abi/kexec_handover.h). */
const MAP_PARTS: readonly Structure[] = ['kho_radix_node', 'kho_radix_leaf'].map((name) => ({
  name,
  kind: 'struct',
  size: 4096,
  file: null,
  fields: [],
}));

/**
 * Enough to count what the kernel has set aside; asks nothing but its System.map. Throws LabError where that does not
 * tell.
 */
export function countingFormat(image: KernelImage): HandoverFormat {
  return { ...placesOf(image), structures: [...MAP_PARTS] };
}

/** Throws LabError where the kernel does not show what is needed. */
export async function handoverFormat(image: KernelImage, context: ImageContext): Promise<HandoverFormat> {
  const places = placesOf(image);
  const { structures, notes } = await kernelAbi(image.name, [], context);
  if (structures === null || structures.length === 0)
    throw lacks(image, `its layouts are not known${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`);
  return { ...places, structures };
}

function lacks({ name }: KernelImage, what: string): LabError {
  return new LabError(`${name}: a place in its handover cannot be found: ${what}`);
}

function placesOf(image: KernelImage): Omit<HandoverFormat, 'structures'> {
  const why = (what: string) => lacks(image, what);
  if (image.systemMap === null) throw why('it comes without a System.map');
  const symbols = readSymbols(readFileSync(image.systemMap, 'latin1'));
  const khoOut = symbols.get('kho_out');
  const machineKexec = symbols.get('machine_kexec');
  if (khoOut === undefined || machineKexec === undefined) throw why('it has no kexec handover built in');
  const after = [...symbols.values()].reduce(
    (next, address) => (address > khoOut && address < next ? address : next),
    khoOut + MOST_VARIABLE,
  );
  return {
    khoOut: { start: khoOut, end: after },
    machineKexec,
    handlers: symbols.get('luo_file_handler_list') ?? null,
  };
}

/** Name to linear address; of two of one name the first. Lines as nm writes them: `ffffffff81000000 T _stext`. */
export function readSymbols(text: string): Map<string, bigint> {
  const symbols = new Map<string, bigint>();
  for (const [, address = '', name = ''] of text.matchAll(/^([0-9a-f]{16}) \S (\S+)$/gm)) {
    if (!symbols.has(name)) symbols.set(name, BigInt(`0x${address}`));
  }
  return symbols;
}
