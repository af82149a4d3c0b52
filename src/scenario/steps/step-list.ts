// SPDX-License-Identifier: Apache-2.0
// Collects steps in order. It counts the epochs, and adds a load before a kexec if the scenario has none.
import type { Action, Step } from '../../model/scenario/scenario.js';
import type { Path, SourceDocument } from '../source/document.js';
import { LIMITS } from '../schema/limits.js';

/** Settings of the call itself. */
export type Call = Pick<Step, 'accepts' | 'by' | 'during' | 'fail'>;

/** A step, and its path in the YAML. */
export interface Draft {
  step: Step;
  path: Path;
}

export class TooManySteps extends Error {
  readonly path: Path;
  constructor(path: Path) {
    super(`more than ${LIMITS.steps} steps`);
    this.path = path;
  }
}

/** True if the scenario expects this step to succeed. */
export function succeeds(step: { errno: string | null; accepts?: string[] }): boolean {
  return step.accepts === undefined && (step.errno === null || step.errno === 'OK');
}

export class StepList {
  readonly drafts: Draft[] = [];
  readonly #document: SourceDocument;
  #epoch = 0;
  #loaded = false;

  constructor(document: SourceDocument) {
    this.#document = document;
  }

  add(action: Action, path: Path, errno: string | null = null, call: Call = {}): void {
    if (this.drafts.length >= LIMITS.steps) throw new TooManySteps(path);
    if (action.op === 'kexec' && !this.#loaded) this.#insertLoad(path);
    this.drafts.push(this.#draft(action, path, errno, call));
    if (errno !== null && errno !== 'OK') return;
    if (action.op === 'load') this.#loaded = true;
    if (action.op === 'kexec') {
      this.#epoch += 1;
      this.#loaded = false;
    }
  }

  /**
   * Steps that must stay next to the kexec, such as faults at the jump and transfers in flight, come after the load.
   */
  #insertLoad(path: Path): void {
    let index = this.drafts.length;
    while (index > 0 && staysAtKexec(this.drafts[index - 1]!.step)) index -= 1;
    this.drafts.splice(index, 0, this.#draft({ op: 'load', via: 'file' }, path, null));
    this.#loaded = true;
  }

  #draft(action: Action, path: Path, errno: string | null, call: Call = {}): Draft {
    return {
      step: Object.assign(action, { epoch: this.#epoch, errno, ...call, pos: this.#document.place(path) }),
      path,
    };
  }
}

function staysAtKexec(step: Step): boolean {
  return isJump(step) || step.op === 'device-dma' || step.during === 'kexec';
}

export function isJump(step: Step): boolean {
  return step.op === 'fault' && step.at === 'jump';
}
