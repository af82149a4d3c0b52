// SPDX-License-Identifier: Apache-2.0
// Options that several commands have, and how their values are read.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Witness, WITNESSES } from '../model/result/witness.js';

/** Parser of an option's number, for commander. */
export function number(what: string, least: number, most: number, whole = true): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (
      text.trim() === '' ||
      !Number.isFinite(value) ||
      value < least ||
      value > most ||
      (whole && !Number.isInteger(value))
    )
      throw new InvalidArgumentError(`expected ${what} from ${least} to ${most}.`);
    return value;
  };
}

/** Values of an option that may be given more than once, for commander. */
export const collect = (text: string, before: string[] = []): string[] => [...before, text];

export type Accel = 'auto' | 'kvm' | 'tcg';

export const accelOption = (): Option =>
  new Option('--accel <how>', 'KVM is used where a real kernel boots on it')
    .choices(['auto', 'kvm', 'tcg'])
    .default('auto');

/** Machines, or processes, at once. */
export const jobs = number('a whole number', 1, 1024);

/** May be given more than once. */
export const withoutOption = (): Option =>
  new Option(
    '--without <witness>',
    'do without a witness: the verdict may rest on the others (can be repeated)',
  ).argParser((text: string, before: Witness[] | undefined): Witness[] => {
    const witness = WITNESSES.find((name) => name === text);
    if (witness === undefined)
      throw new InvalidArgumentError(`expected a witness (${WITNESSES.join(', ')}), found ${text}`);
    return [...(before ?? []), witness];
  });

/** Kernels other than those that a scenario names, or a run was on. */
export function withKernels(command: Command): Command {
  return command
    .option('--from <kernel>', 'another kernel that hands over')
    .option('--to <kernel>', 'another kernel that takes over');
}
