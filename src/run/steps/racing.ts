// SPDX-License-Identifier: Apache-2.0
// Calls of other clients that meet the kexec: they are sent together with the reboot call, and whoever is first wins.
import { ClientGone } from '../../util/errors.js';
import { isAgentAction } from '../agent/operations.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';
import { RunState } from '../state/run-state.js';
import { callAgent } from './agent-steps.js';
import { recordStep } from './record-step.js';

export class Racing {
  readonly #parts: Needs<'agents' | 'state' | 'recorder'>;
  readonly #operations: readonly Operation[];
  #calls: { operation: Operation; answer: Promise<void> }[] = [];

  constructor({ agents, state, recorder }: Needs<'agents' | 'state' | 'recorder'>, operations: readonly Operation[]) {
    this.#parts = { agents, state, recorder };
    this.#operations = operations.filter(({ during }) => during === 'kexec');
  }

  /** Where the pages of files lie that are about to be preserved: nobody can ask once the machine has gone. */
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

  /** Sends them all. */
  begin(): void {
    this.#calls = this.#operations.flatMap((operation) => {
      if (!isAgentAction(operation)) return [];
      const answer = callAgent(this.#parts, operation);
      // gone() records what was not answered when the machine went.
      answer.catch(() => undefined);
      return [{ operation, answer }];
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

  /** A preserve may have been answered, and the question for the pages after it not: they are where they were. */
  #pagesUntold(operation: Operation): void {
    if (operation.op !== 'preserve') return;
    const { state } = this.#parts;
    const file = state.files.get(operation.file);
    const known = state.perhaps.get(RunState.key(operation.session, operation.token));
    if (file !== undefined && file.runs.length === 0 && known !== undefined)
      Object.assign(file, { runs: known.runs, hidden: known.hidden });
  }
}
