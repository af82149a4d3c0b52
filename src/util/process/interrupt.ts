// SPDX-License-Identifier: Apache-2.0
// The first Ctrl-C (or SIGTERM, SIGHUP) ends everything in order, within two seconds: what has not ended by then is
// killed. The second one ends the lab at once. Either way QEMU dies with its parent (qemu/process.ts), and the reaper,
// which outlives the lab, removes the files that are left (reaper.ts). Work that nothing must end in order, such as
// reading a scenario, ends with the first signal.

import { setImmediate as immediate } from 'node:timers/promises';

export class UserInterrupt extends Error {
  override name = 'UserInterrupt';
  constructor(readonly signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`);
  }
}

/** 128 plus the number of the signal, as in a shell. */
export const INTERRUPT_STATUS: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/** Milliseconds that tear-down may take. Commands are killed before that (command.ts). */
const LIMIT_MS = 1400;

/**
 * An older Node started this one and passes its signals on (bin/lab.js), so one signal to the process group comes
 * twice. Milliseconds in which a second signal is taken for the first one.
 */
const ECHO_MS = process.env['LAB_STARTED_AGAIN'] === undefined ? 0 : 500;
// It is about this process alone.
delete process.env['LAB_STARTED_AGAIN'];

const controller = new AbortController();
const kept = new Set<() => readonly string[]>();
const names = Object.keys(INTERRUPT_STATUS) as NodeJS.Signals[];
/** Running bodies of `interruptible`. */
let bodies = 0;
let caught = false;
let first = 0;

const onSignal = (name: NodeJS.Signals): void => {
  const status = INTERRUPT_STATUS[name] ?? 1;
  if (controller.signal.aborted) {
    if (performance.now() - first < ECHO_MS) return;
    process.stderr.write(`lab: ${name} again: ended at once\n`);
    process.exit(status);
  }
  first = performance.now();
  const interrupt = new UserInterrupt(name);
  controller.abort(interrupt);
  if (bodies === 0) {
    process.stderr.write(interruptText(interrupt));
    process.exit(status);
  }
  setTimeout(() => {
    process.stderr.write(`lab: not everything had ended in time, so it was killed\n${interruptText(interrupt)}`);
    process.exit(status);
  }, LIMIT_MS);
};

/** From now on a signal ends this process with a message, also outside of `interruptible`. */
export function catchSignals(): void {
  if (!caught) for (const name of names) process.on(name, onSignal);
  caught = true;
}

/** Signals are taken between two of these. */
async function turn(): Promise<void> {
  await immediate();
  await immediate();
}

/**
 * Runs `body` with an AbortSignal that SIGINT, SIGTERM and SIGHUP abort. After an abort it always throws the
 * UserInterrupt, whatever `body` returns or throws.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  controller.signal.throwIfAborted();
  catchSignals();
  bodies++;
  try {
    const value = await body(controller.signal);
    // Also where the body had nothing to end: after Ctrl-C the shell must not go on to the next command. A signal that
    // came while the body did not give way is seen when the loop turns.
    await turn();
    controller.signal.throwIfAborted();
    return value;
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    bodies--;
  }
}

/**
 * Tells what an interrupt leaves for later, and how to go on.
 * @param lines is called at the interrupt
 * @returns takes it back
 */
export function onInterruptKept(lines: () => readonly string[]): () => void {
  kept.add(lines);
  return () => void kept.delete(lines);
}

export function interruptText({ message }: UserInterrupt): string {
  const lines = [...kept].flatMap((each) => each());
  const said = lines.length === 0 ? ['nothing'] : lines;
  return [`lab: ${message}; nothing is left behind`, ...said.map((line) => `kept: ${line}`), ''].join('\n');
}
