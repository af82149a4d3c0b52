// SPDX-License-Identifier: Apache-2.0
// A measurement that Ctrl-C ends as it ends a command of the lab: at once, and with a word on what is kept.
import { INTERRUPT_STATUS, interruptible, interruptText, UserInterrupt } from '../util/process/interrupt.js';

/**
 * Measures, and ends the process.
 * @param measure returns the exit status
 */
export async function interruptibleMeasurement(measure: (signal: AbortSignal) => Promise<number>): Promise<never> {
  try {
    process.exit(await interruptible(measure));
  } catch (error) {
    if (!(error instanceof UserInterrupt)) throw error;
    process.stderr.write(interruptText(error));
    process.exit(INTERRUPT_STATUS[error.signalName] ?? 1);
  }
}
