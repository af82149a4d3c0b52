// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander';

/** Parser of an option's number, for commander. */
export function number(what: string, least: number, most: number, whole = true): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most || (whole && !Number.isInteger(value))) throw new InvalidArgumentError(`expected ${what} from ${least} to ${most}.`);
    return value;
  };
}

/** Values of an option that may be given more than once, for commander. */
export const collect = (text: string, before: string[] = []): string[] => [...before, text];
