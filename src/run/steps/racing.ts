// SPDX-License-Identifier: Apache-2.0
// Calls of other clients that race the kexec: they are sent together with the reboot call, and may come before it or
// after it.
import { ClientGone } from '../../util/errors.js';
import { isAgentAction } from '../agent/operations.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';
import { RunState } from '../state/run-state.js';
import { callAgent } from './agent-steps.js';
import { recordStep } from './record-step.js';

export class Racing {
  readonly #parts: Needs<'plan' | 'agents' | 'state' | 'recorder'>;
  readonly #operations: readonly Operation[];
  #calls: { operation: Operation; answer: Promise<void> }[] = [];

  constructor(
    { plan, agents, state, recorder }: Needs<'plan' | 'agents' | 'state' | 'recorder'>,
    operations: readonly Operation[],
  ) {
    this.#parts = { plan, agents, state, recorder };
    this.#operations = operations.filter(({ during }) => during === 'kexec');
  }

  /** Records the pages of files that are about to be preserved: after the jump nobody can ask for them. */
  async prepare(): Promise<void> {
    const { state } = this.#parts;
    state.perhaps.clear();
    for (const operation of this.#operations) {
      const file = operation.op === 'preserve' ? state.files.get(operation.file) : undefined;
      if (operation.op !== 'preserve' || file === undefined) continue;
      const { name, spec, pattern, before, hugeKiB } = file;
      const { session, token } = operation;
      const { runs, hidden } = await pagesOfFile(this.#parts, name, spec.size);
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

  /** Sends all calls. */
  begin(): void {
    this.#calls = this.#operations.flatMap((operation) => {
      if (!isAgentAction(operation)) return [];
      const answer = callAgent(this.#parts, operation);
      // gone() records the calls that the jump left unanswered.
      answer.catch(() => undefined);
      return [{ operation, answer }];
    });
  }

  /** The old kernel goes on, and answers all calls. */
  async stays(): Promise<void> {
    await Promise.all(this.#calls.map(({ answer }) => answer));
  }

  /**
   * The old kernel is gone. A call without an answer may have worked or not, so the result that the scenario demands
   * does not apply to it.
   */
  async gone(): Promise<void> {
    for (const { operation, answer } of this.#calls) {
      await answer.catch((error: unknown) => {
        if (!(error instanceof ClientGone)) throw error;
        this.#pagesUntold(operation);
        const { accepts: _accepts, ...undemanding } = operation;
        recordStep(
          this.#parts,
          { ...undemanding, errno: null },
          {
            target: `${operation.op} by ${operation.by}`,
            reply: { ok: false, errno: 'NOHANDLE', at: 'the machine went before an answer came' },
            ms: 0,
          },
        );
      });
    }
    this.#calls = [];
  }

  /** A `preserve` may be answered while the request for its pages is not: they are where they were before. */
  #pagesUntold(operation: Operation): void {
    if (operation.op !== 'preserve') return;
    const { state } = this.#parts;
    const file = state.files.get(operation.file);
    const known = state.perhaps.get(RunState.key(operation.session, operation.token));
    if (file !== undefined && file.runs.length === 0 && known !== undefined)
      Object.assign(file, { runs: known.runs, hidden: known.hidden });
  }
}
