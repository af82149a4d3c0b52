// SPDX-License-Identifier: Apache-2.0
// Steps as they are written down one after another: epochs are counted here, and a forgotten load is put in.
import type { Action, Step } from '../../model/scenario/scenario.js';
import type { Call } from './clients.js';
import type { Path, SourceDocument } from '../document.js';
import { LIMITS } from '../schema/limits.js';

/** A step and the path of the YAML it came from. */
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

/** Does the scenario count on this step to succeed? */
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

  /** Faults that wait for the jump stay next to the kexec, and so do transfers that are to be in flight then. */
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
  return isJump(step) || step.op === 'device-dma' || step.during !== undefined;
}

export function isJump(step: Step): boolean {
  return step.op === 'fault' && step.at === 'jump';
}
