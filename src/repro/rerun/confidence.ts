// SPDX-License-Identifier: Apache-2.0
// How often a failure occurs, and how many runs without it show that it is gone.
import { z } from 'zod';

/** In `seen` of `runs` runs the failure occurred. */
export const rateSchema = z.object({ seen: z.number().int().min(0), runs: z.number().int().min(0) });
export type Rate = z.infer<typeof rateSchema>;

/**
 * An estimate of the true rate: (seen + 1) / (runs + 2), Laplace's rule of succession. Three of three give 0.8, not 1:
 * a failure that occurred every time so far may still fail to occur the next time.
 */
export function expectedRate({ seen, runs }: Rate): number {
  return (seen + 1) / (runs + 2);
}

/**
 * How many runs without the failure show that it is gone, if it would occur at `rate`.
 * @param confidence from 0 to 1
 */
export function runsToBeSure(rate: number, confidence: number, max: number): number {
  if (rate >= 1) return 1;
  return Math.min(max, Math.max(1, Math.ceil(Math.log(1 - confidence) / Math.log(1 - rate))));
}

/** The confidence that `runs` runs without the failure give. */
export function confidenceOf(rate: number, runs: number): number {
  return 1 - (1 - rate) ** runs;
}

/** The 95 % confidence interval of a rate, after Wilson. */
export function interval({ seen, runs }: Rate): [low: number, high: number] {
  if (runs === 0) return [0, 1];
  const z = 1.96;
  const p = seen / runs;
  const middle = (p + (z * z) / (2 * runs)) / (1 + (z * z) / runs);
  const half = (z / (1 + (z * z) / runs)) * Math.sqrt((p * (1 - p)) / runs + (z * z) / (4 * runs * runs));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

export function rateText(rate: Rate): string {
  const [low, high] = interval(rate);
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  return `${rate.seen} of ${rate.runs} runs (95 %: ${percent(low)} to ${percent(high)})`;
}
