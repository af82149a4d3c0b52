// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its kin end a run in order: the machine is gone and nothing half-written stays before the lab exits.

export class Interrupted extends Error {
  override name = 'Interrupted';
  constructor(readonly signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`);
  }
}

/** 128 and the signal's number, as a shell has it. */
export const INTERRUPT_STATUS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** A signal that is aborted by SIGINT, SIGTERM and SIGHUP until it is released. */
export function interruption(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const names = Object.keys(INTERRUPT_STATUS) as NodeJS.Signals[];
  const stop = (name: NodeJS.Signals) => controller.abort(new Interrupted(name));
  for (const name of names) process.on(name, stop);
  return { signal: controller.signal, release: () => { for (const name of names) process.off(name, stop); } };
}
