// SPDX-License-Identifier: Apache-2.0
// Calls of other clients that meet the kexec: they are sent together with the reboot call, and whoever is first wins.
import { ClientGone } from '../util/errors.js';
import type { RunContext } from './context.js';
import { finishStep } from './finish-step.js';
import { isAgentAction } from './operations.js';
import { callAgent } from './step-calls.js';
import type { IndexedStep } from './steps.js';

export class Racing {
  readonly #context: RunContext;
  readonly #steps: readonly IndexedStep[];
  #calls: { step: IndexedStep; answered: boolean; answer: Promise<void> }[] = [];

  constructor(context: RunContext, steps: readonly IndexedStep[]) {
    this.#context = context;
    this.#steps = steps.filter(({ step }) => step.during === 'kexec');
  }

  /** Sends them all. */
  begin(): void {
    this.#calls = this.#steps.flatMap((each) => {
      if (!isAgentAction(each.step)) return [];
      const call = { step: each, answered: false, answer: Promise.resolve() };
      call.answer = callAgent(this.#context, each.step, each.step, each.index).then(() => {
        call.answered = true;
      });
      // What was not answered when the machine went is told by gone().
      call.answer.catch(() => undefined);
      return [call];
    });
  }

  /** The old kernel goes on: it answers all of them. */
  async stays(): Promise<void> {
    await Promise.all(this.#calls.map(({ answer }) => answer));
  }

  /** The machine went. A call without an answer may have worked or not: nobody knows, and the scenario cannot demand anything of it. */
  async gone(drop: () => void): Promise<void> {
    drop();
    for (const { step: { step, index }, answer } of this.#calls) {
      await answer.catch((error: unknown) => {
        if (!(error instanceof ClientGone)) throw error;
        // Its preserve may have been answered, and the question for its pages not.
        const file = step.op === 'preserve' ? this.#context.state.files.get(step.file) : undefined;
        if (file !== undefined && file.runs.length === 0) file.hidden ??= 'the machine went before it told';
        const { accepts: _accepts, ...undemanding } = step;
        finishStep(this.#context, { ...undemanding, errno: null }, index, `${step.op} by ${step.by}`, { ok: false, errno: 'NOHANDLE', at: 'the machine went before an answer came' }, 0);
      });
    }
    this.#calls = [];
  }
}
