// SPDX-License-Identifier: Apache-2.0
// A parser of foreign input under test, and what counts as a finding.
import type { Random } from '../../src/util/random.js';
import { ClientGone, LabError, NoProgress } from '../../src/util/errors.js';
import { FormatError } from '../../src/compat/binary/bytes.js';
import { ComponentError } from '../../src/compat/binary/component.js';

export type Mutator = (seed: Buffer, random: Random, seeds: readonly Buffer[]) => Buffer;

export interface Target {
  name: string;
  /** Valid inputs. */
  seeds: () => Buffer[];
  mutate: Mutator;
  /** Longest input. A limit of time holds only up to a size. */
  maxBytes: number;
  /** Throws a refusal at most. */
  parse: (input: Buffer) => unknown;
  /** Share of all inputs; fast parsers get more. */
  weight: number;
  /** Refusals that only this parser throws. */
  refuses?: (error: unknown) => boolean;
}

/** Errors with which the lab refuses foreign input. Anything else (TypeError, RangeError, ERR_*) is a crash. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof LabError ||
    error instanceof ClientGone ||
    error instanceof NoProgress ||
    error instanceof FormatError ||
    error instanceof ComponentError
  );
}

export interface Finding {
  target: string;
  kind: 'crash' | 'slow' | 'growth' | 'large';
  input: Buffer;
  detail: string;
}
