// SPDX-License-Identifier: Apache-2.0
// How a kernel marks itself as damaged: the bits of `tainted_mask`, and console messages without a bit. Bits and
// letters: include/linux/panic.h and kernel/panic.c of 7.3. The bits have had the same meaning since 6.16.

/**
 * `damage`: something went wrong while the kernel ran. `state`: a property of the kernel or its machine, such as a
 * loaded module. It is listed, but not a sign of damage, if a kernel has it from the start.
 */
export type TaintKind = 'damage' | 'state';

export interface TaintFlag {
  bit: number;
  /** The letter that the kernel prints after `Tainted:`. */
  letter: string;
  name: TaintName;
  kind: TaintKind;
}

const FLAGS = [
  [0, 'P', 'proprietary-module', 'state'],
  [1, 'F', 'forced-module', 'state'],
  [2, 'S', 'out-of-spec', 'state'],
  [3, 'R', 'forced-unload', 'damage'],
  [4, 'M', 'machine-check', 'damage'],
  [5, 'B', 'bad-page', 'damage'],
  [6, 'U', 'user', 'state'],
  [7, 'D', 'oops', 'damage'],
  [8, 'A', 'acpi-override', 'state'],
  [9, 'W', 'warn', 'damage'],
  [10, 'C', 'staging-module', 'state'],
  [11, 'I', 'firmware', 'state'],
  [12, 'O', 'out-of-tree-module', 'state'],
  [13, 'E', 'unsigned-module', 'state'],
  [14, 'L', 'soft-lockup', 'damage'],
  [15, 'K', 'livepatch', 'state'],
  [16, 'X', 'aux', 'state'],
  [17, 'T', 'randstruct', 'state'],
  [18, 'N', 'test', 'state'],
  [19, 'J', 'fwctl', 'state'],
] as const;

/**
 * Console messages that mean damage but set no bit: lockdep, UBSAN and KCSAN, stalls of RCU, tasks and work queues, and
 * other lines with BUG.
 */
export const CONSOLE_TAINTS = ['lockdep', 'sanitizer', 'stall', 'bug'] as const;

export type FlagName = (typeof FLAGS)[number][2];
export type TaintName = FlagName | (typeof CONSOLE_TAINTS)[number];

export const TAINT_FLAGS: readonly TaintFlag[] = FLAGS.map(([bit, letter, name, kind]) => ({
  bit,
  letter,
  name,
  kind,
}));
/** Taints that a scenario may declare as intended. */
export const TAINT_NAMES: readonly TaintName[] = [...FLAGS.map(([, , name]) => name), ...CONSOLE_TAINTS];

/** True if `tainted_mask` has a bit for it. */
export function hasBit(name: TaintName): boolean {
  return TAINT_FLAGS.some((flag) => flag.name === name);
}
