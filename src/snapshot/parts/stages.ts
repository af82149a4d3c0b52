// SPDX-License-Identifier: Apache-2.0
// The stages of a run that starts from a ladder: the rungs that it passes, with the memory that it sees there, and the
// one at which its machine stands.
import { MachineMemory, q35Ranges } from '../../qemu/memory.js';
import { PASSED } from '../passed.js';
import type { SavedRung } from '../manifest.js';
import { type Ladder, passedRungs } from '../store/ladder.js';
import { Unusable } from './resuming.js';
import type { Stage } from './way.js';

export interface OpenStages extends Disposable {
  stages: readonly [Stage, ...Stage[]];
}

/** Throws an Unusable if the ladder lacks a rung that is passed. The caller disposes of it after the run. */
export function openStages(ladder: Pick<Ladder, 'manifest' | 'saved' | 'path'>): OpenStages {
  const { manifest, saved } = ladder;
  const open: MachineMemory[] = [];
  const close = () => open.splice(0).forEach((memory) => memory.close());
  try {
    const rungs = passedRungs(manifest, saved.rung);
    if (rungs === null) throw new Unusable(`${PASSED[saved.rung].join(' or ')} was not saved`);
    const passed = rungs.map((rung): Stage => {
      const memory = MachineMemory.openSaved(ladder.path(rung.ram), q35Ranges(rung.ram.bytes));
      open.push(memory);
      return { ...countsOf(rung), seen: { memory, registers: rung.registers } };
    });
    const last: Stage = { ...countsOf(saved), seen: null };
    const [first = last, ...others] = passed;
    return { stages: first === last ? [last] : [first, ...others, last], [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

function countsOf({ rung, console, marks }: SavedRung): Omit<Stage, 'seen'> {
  return { rung, console, marks };
}
