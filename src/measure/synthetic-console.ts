// SPDX-License-Identifier: Apache-2.0
// A made-up console, about as long as a real one.
import type { Result } from '../model/result/result.js';

const LINES_OF_A_BOOT = 280;

/** `crash` is the number of the line with the failure; null if nothing failed. */
export function consoleOf({ kernels, cause }: Pick<Result, 'kernels' | 'cause'>): {
  text: string;
  crash: number | null;
} {
  const lines = kernels.flatMap(({ name }, epoch) => [
    `[    0.000000] Linux version ${name}-lab (made up) #1 SMP`,
    ...(epoch > 0 && cause !== null ? [`[    0.000000] ${cause.title}`] : []),
    ...Array.from(
      { length: LINES_OF_A_BOOT },
      (_, at) =>
        `[    ${(at / 100).toFixed(6)}] made-up subsystem ${at}: ` +
        `mem 0x${(at * 4096).toString(16).padStart(16, '0')} is reserved for nothing`,
    ),
  ]);
  const crash = cause === null ? null : lines.indexOf(`[    0.000000] ${cause.title}`) + 1;
  return { text: `${lines.join('\n')}\n`, crash };
}
