// SPDX-License-Identifier: Apache-2.0
// Options that several commands share, and the parsers of their values.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Witness, WITNESSES } from '../../model/result/witness.js';

/** A commander parser for whole numbers. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return inRange('a whole number', min, max, Number.isInteger);
}

/**
 * A commander parser for numbers that may have a fraction.
 * @param unit for the message: `seconds`
 */
export function decimal(unit: string, min: number, max: number): (text: string) => number {
  return inRange(unit, min, max, Number.isFinite);
}

function inRange(
  what: string,
  min: number,
  max: number,
  isValid: (value: number) => boolean,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !isValid(value) || value < min || value > max)
      throw new InvalidArgumentError(`expected ${what} from ${min} to ${max}.`);
    return value;
  };
}

/** A commander parser for options that may be repeated. */
export const collect = (text: string, before: string[] = []): string[] => [...before, text];

export type Accel = 'auto' | 'kvm' | 'tcg';

export const accelOption = (): Option =>
  new Option('--accel <how>', 'auto: KVM if a real kernel boots on it, else tcg (emulation)')
    .choices(['auto', 'kvm', 'tcg'])
    .default('auto');

/** With coverage, `auto` is emulation: on KVM nothing could be seen. */
export const accelFor = ({ accel, coverage }: { accel: Accel; coverage?: boolean }): Accel =>
  coverage === true && accel === 'auto' ? 'tcg' : accel;

/** Parser of --jobs: machines or processes at once. */
export const jobs = wholeNumber(1, 1024);

/** Parser of --timeout of a command that runs machines many times. */
export const timeout = decimal('seconds', 1, 86_400);

export const withoutOption = (): Option =>
  new Option(
    '--without <witness>',
    'accept a verdict without this witness; it may rest on the others (repeatable)',
  ).argParser((text: string, before: Witness[] | undefined): Witness[] => {
    const witness = WITNESSES.find((name) => name === text);
    if (witness === undefined)
      throw new InvalidArgumentError(`expected a witness (${WITNESSES.join(', ')}), found ${text}`);
    return [...(before ?? []), witness];
  });

/** @param what whom it trusts, for the help text */
export const trustOption = (what: string): Option =>
  new Option('--trust', `let ${what} use everything of this host; only if you know who made it (docs/security.md)`);

/** Kernels to use instead of those of the scenario or the run. */
export function withKernels(command: Command): Command {
  return command
    .option('--from <kernel>', 'use another kernel that hands over')
    .option('--to <kernel>', 'use another kernel that takes over');
}
