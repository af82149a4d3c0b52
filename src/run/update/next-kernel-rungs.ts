// SPDX-License-Identifier: Apache-2.0
// Saves the machine at the rungs of the next kernel that come before its user space. The debugger stub, which has just
// stopped the old kernel at the jump, stops the next one at two of its functions.
import { RUNG_SYMBOLS } from '../../handover/index.js';
import type { Needs } from '../engine/parts.js';
import { saveRung, savesRung } from '../engine/rungs.js';
import { movesItself } from '../kernel/shift.js';
import type { Debugger } from '../machine/parts.js';
import { addressOf } from '../machine/symbols.js';

const RUNGS = ['kho', 'luo'] as const;

/** @param jumped where the machine stands, at a breakpoint */
export async function saveBeforeUserSpace(
  parts: Needs<'plan' | 'recorder' | 'machine' | 'deadlines'>,
  stub: Debugger,
  jumped: bigint,
): Promise<void> {
  const { plan, recorder, machine, deadlines } = parts;
  let standsAt = jumped;
  for (const rung of RUNGS) {
    if (!savesRung(parts, rung)) continue;
    const kernel = plan.kernels[recorder.epoch + 1];
    const function_ = RUNG_SYMBOLS[rung];
    const address = kernel === undefined ? null : addressOf(kernel, function_);
    if (kernel === undefined || address === null) {
      recorder.event({ kind: 'snapshot', state: 'not-saved', rung, why: `the next kernel has no ${function_}()` });
      continue;
    }
    if (movesItself(kernel)) {
      recorder.event({ kind: 'snapshot', state: 'not-saved', rung, why: 'the next kernel chooses its own address' });
      continue;
    }
    await stub.clearBreak(standsAt);
    await stub.breakAt(address);
    standsAt = address;
    const stopped = stub.runUntilStop().then(() => 'stopped' as const);
    const ready = machine.untilReady(recorder.epoch + 1, deadlines.boot).then(() => 'ready' as const);
    for (const each of [stopped, ready]) each.catch(() => undefined);
    const first = await machine.until(Promise.race([stopped, ready]), deadlines.boot, `stop at ${function_}()`);
    if (first === 'ready') {
      recorder.event({
        kind: 'snapshot',
        state: 'not-saved',
        rung,
        why: `the next kernel does not run ${function_}()`,
      });
      return;
    }
    await saveRung(parts, rung);
  }
}
