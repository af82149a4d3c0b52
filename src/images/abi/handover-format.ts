// SPDX-License-Identifier: Apache-2.0
// The facts that the lab needs to find a kernel's handover data: the layouts of its structures, and where the root is.
// Read before the machine starts. The symbols alone are enough to count what a kernel has preserved, so any refusal can
// be judged.
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
   * Linear address of the function `machine_kexec`. When it starts, the old kernel has written everything, and nothing
   * of the next one has run.
   */
  machineKexec: bigint;
  /** Linear address of the variable `luo_file_handler_list`; null if the kernel has no LUO. */
  handlers: bigint | null;
}

/** Largest variable that is searched, in bytes. */
const MAX_VARIABLE = 4096n;

/**
 * Must the run find its way in its kernels' handover data? It must if a fault changes that data, if the running kernel
 * is checked before the kexec, or if the preserved pages must be counted.
 */
export function needsHandoverFormat(scenario: Scenario): boolean {
  return requiresHandoverFormat(scenario) || scenario.expect.outcome === 'refused' || hasForeignClient(scenario);
}

/**
 * Whether something may be preserved of which the lab knows only what is in memory: by a program of somebody else, or
 * a descriptor of any kind.
 */
export function hasForeignClient({ steps }: Scenario): boolean {
  return steps.some(
    (step) => step.op === 'exec' || step.op === 'preserve-fd' || (step.op === 'kselftest' && step.stage !== null),
  );
}

/** Such a scenario cannot run at all without the format. */
export function requiresHandoverFormat(scenario: Scenario): boolean {
  return (
    scenario.policy === 'check' || scenario.steps.some((step) => step.op === 'fault' && step.fault.kind === 'change')
  );
}

/** Sizes of the parts of the map in 7.1 and later: each is a page (include/linux/kho/abi/kexec_handover.h). */
const MAP_PARTS: readonly Structure[] = ['kho_radix_node', 'kho_radix_leaf'].map((name) => ({
  name,
  kind: 'struct',
  size: 4096,
  file: null,
  fields: [],
}));

/**
 * Enough to count what the kernel has preserved. It needs only System.map, and throws LabError if that is not enough.
 */
export function countingFormat(image: KernelImage): HandoverFormat {
  return { ...placesOf(image), structures: [...MAP_PARTS] };
}

/** Throws LabError if the kernel does not provide what is needed. */
export async function handoverFormat(image: KernelImage, context: ImageContext): Promise<HandoverFormat> {
  const places = placesOf(image);
  const { structures, notes } = await kernelAbi(image.name, [], context);
  if (structures === null || structures.length === 0)
    throw lacks(image, `its layouts are not known${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`);
  return { ...places, structures };
}

function lacks({ name }: KernelImage, what: string): LabError {
  return new LabError(`${name}: its handover data cannot be located: ${what}`);
}

function placesOf(image: KernelImage): Omit<HandoverFormat, 'structures'> {
  const why = (what: string) => lacks(image, what);
  if (image.systemMap === null) throw why('it has no System.map');
  const symbols = readSymbols(readFileSync(image.systemMap, 'latin1'));
  const khoOut = symbols.get('kho_out');
  const machineKexec = symbols.get('machine_kexec');
  if (khoOut === undefined || machineKexec === undefined) throw why('it was built without kexec handover');
  const after = [...symbols.values()].reduce(
    (next, address) => (address > khoOut && address < next ? address : next),
    khoOut + MAX_VARIABLE,
  );
  return {
    khoOut: { start: khoOut, end: after },
    machineKexec,
    handlers: symbols.get('luo_file_handler_list') ?? null,
  };
}

/**
 * Maps names to linear addresses; of two equal names, the first. The lines are those of nm: `ffffffff81000000 T
 * _stext`.
 */
export function readSymbols(text: string): Map<string, bigint> {
  const symbols = new Map<string, bigint>();
  for (const [, address = '', name = ''] of text.matchAll(/^([0-9a-f]{16}) \S (\S+)$/gm)) {
    if (!symbols.has(name)) symbols.set(name, BigInt(`0x${address}`));
  }
  return symbols;
}
