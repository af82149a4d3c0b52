// SPDX-License-Identifier: Apache-2.0
// Do hardware breakpoints fire on KVM? Some hosts accept them and never report one, such as a KVM below which another
// hypervisor does not arm a machine's debug registers. There, a fault at the jump could not be injected.
import type { Machine } from '../../run/machine/machine.js';
import { judgeFailure, type ProbeAnswer } from './failure.js';

export type BreakpointMachine = Pick<Machine, 'untilReady' | 'attachDebugger' | 'stop' | 'close'>;

/** Milliseconds of the machine's time without progress. Time in which the host does not run it does not count. */
const DEADLINE = 120_000;

/**
 * Boots a kernel with a breakpoint on a function that runs once in each boot.
 * @param start starts a machine that waits for its debugger before the first instruction
 * @param address linear address of the function
 */
export async function probeBreakpoints(start: () => Promise<BreakpointMachine>, address: bigint): Promise<ProbeAnswer> {
  let machine: BreakpointMachine | null = null;
  try {
    machine = await start();
    const stub = await machine.attachDebugger();
    await stub.breakAt(address);
    const stopped = stub.runUntilStop().then(() => 'stopped' as const);
    const ready = machine.untilReady(0, DEADLINE).then(() => 'ready' as const);
    // The end of the machine rejects both. The first one says it.
    stopped.catch(() => undefined);
    ready.catch(() => undefined);
    return (await Promise.race([stopped, ready])) === 'stopped'
      ? { verdict: 'works', why: 'a kernel stopped at a hardware breakpoint on KVM' }
      : { verdict: 'refused', why: 'KVM does not report hardware breakpoints: a kernel ran past one' };
  } catch (error) {
    // That KVM runs a kernel was shown before, so any failure here tells nothing about breakpoints.
    return { verdict: 'unknown', why: judgeFailure(error).why };
  } finally {
    await machine?.stop();
    machine?.close();
  }
}
