// SPDX-License-Identifier: Apache-2.0
// Calls of other clients that meet the kexec: they are sent together with the reboot call, and whoever is first wins.
import { ClientGone } from '../../util/errors.js';
import type { RunContext } from '../engine/context.js';
import { finishStep } from './record-step.js';
import { isAgentAction } from '../agent/operations.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import { RunState } from '../engine/state.js';
import { callAgent } from './agent-steps.js';
import type { IndexedStep } from './run-steps.js';

export class Racing {
  readonly #context: RunContext;
  readonly #steps: readonly IndexedStep[];
  #calls: { step: IndexedStep; answered: boolean; answer: Promise<void> }[] = [];

  constructor(context: RunContext, steps: readonly IndexedStep[]) {
    this.#context = context;
    this.#steps = steps.filter(({ step }) => step.during === 'kexec');
  }

  /** Where the pages of files lie that are about to be preserved: nobody can ask once the machine has gone. */
  async prepare(): Promise<void> {
    const { state } = this.#context;
    state.perhaps.clear();
    for (const { step } of this.#steps) {
      const file = step.op === 'preserve' ? state.files.get(step.file) : undefined;
      if (step.op !== 'preserve' || file === undefined) continue;
      const { name, spec, pattern, before, hugeKiB } = file;
      const { session, token } = step;
      const { runs, hidden } = await pagesOfFile(this.#context, name, spec.size);
      state.perhaps.set(RunState.key(session, token), {
        name,
        session,
        token,
        spec,
        pattern,
        runs,
        hidden: hidden ?? undefined,
        before,
        hugeKiB,
        reported: file.reported,
        retrieved: null,
        errno: null,
      });
    }
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

  /**
   * The machine went. A call without an answer may have worked or not: nobody knows, and the scenario cannot demand
   * anything of it.
   */
  async gone(drop: () => void): Promise<void> {
    drop();
    for (const {
      step: { step, index },
      answer,
    } of this.#calls) {
      await answer.catch((error: unknown) => {
        if (!(error instanceof ClientGone)) throw error;
        this.#pagesUntold(step);
        const { accepts: _accepts, ...undemanding } = step;
        finishStep(
          this.#context,
          { ...undemanding, errno: null },
          index,
          `${step.op} by ${step.by}`,
          { ok: false, errno: 'NOHANDLE', at: 'the machine went before an answer came' },
          0,
        );
      });
    }
    this.#calls = [];
  }

  /** A preserve may have been answered, and the question for the pages after it not: they are where they were. */
  #pagesUntold(step: IndexedStep['step']): void {
    if (step.op !== 'preserve') return;
    const file = this.#context.state.files.get(step.file);
    const known = this.#context.state.perhaps.get(RunState.key(step.session, step.token));
    if (file !== undefined && file.runs.length === 0 && known !== undefined)
      Object.assign(file, { runs: known.runs, hidden: known.hidden });
  }
}
