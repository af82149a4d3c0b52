// SPDX-License-Identifier: Apache-2.0
// A model of LUO: for each operation the answers that a right kernel gives, and how a right run ends.
import { MAIN } from '../../../model/scenario/client.js';
import { isFileAction } from '../../../model/scenario/file-steps.js';
import { isRawAction } from '../../../model/scenario/raw.js';
import type { Outcome } from '../../../model/result/outcome.js';
import type { Operation } from '../operation.js';
import { IMPOSSIBLE, OK, type Verdict } from './answer.js';
import { callClient } from './clients.js';
import { changeFile, inodeOf } from './files.js';
import { Losses } from './losses.js';
import { callAtKexec, isTooEarly, owed } from './racing.js';
import { callRaw } from './raw.js';
import { callSession, type Kernel } from './sessions.js';
import { LuoState } from './state.js';
import { handOver, leaveBehind } from './update.js';

export class Model {
  #state = new LuoState();
  readonly #losses = new Losses();
  #epoch = 0;
  #loaded: 'file' | 'legacy' | null = null;
  #aborted = false;

  /** @param kernels one for each epoch */
  constructor(private readonly kernels: readonly Kernel[]) {}

  get state(): LuoState {
    return this.#state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get kernel(): Kernel {
    return this.kernels[this.#epoch] ?? (this.kernels.at(-1) as Kernel);
  }

  /** Whether the next kernel is loaded. */
  get isLoaded(): boolean {
    return this.#loaded !== null;
  }

  get isLast(): boolean {
    return this.#epoch === this.kernels.length - 1;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Equal for models that no later call can tell apart. */
  digest(): string {
    return `${this.#state.digest()} ${this.#losses.outcome} ${this.#epoch} ${this.#loaded} ${this.#aborted}`;
  }

  /** Operations without which nobody could say how the running kernel ends. */
  owed(): Operation[] {
    return owed(this.#state);
  }

  /** The answer; if it is OK, it has happened. An impossible operation may leave traces: use another model then. */
  step(operation: Operation): Verdict {
    const state = this.#state;
    const client = operation.by ?? MAIN;
    if (operation.during === 'kexec')
      return this.#loaded === 'file' ? callAtKexec(state, operation, { kernel: this.kernel, client }) : IMPOSSIBLE;
    if (isTooEarly(state, operation)) return IMPOSSIBLE;
    if (client !== MAIN && !state.clients.has(client)) return IMPOSSIBLE;
    if (this.#aborted && !['check', 'close', 'memfd'].includes(operation.op)) return IMPOSSIBLE;
    const losses = this.#losses;
    if (operation.op === 'get-name') return callSession(state, operation, { kernel: this.kernel, client, losses });
    if (isRawAction(operation)) return callRaw(state, operation, { kernel: this.kernel, client });
    if (isFileAction(operation)) return changeFile(state, operation, client);
    switch (operation.op) {
      case 'memfd': {
        const { file } = operation.memfd;
        if (state.files.has(file)) return IMPOSSIBLE;
        state.files.set(file, { inode: inodeOf(operation.memfd), access: 'rw' });
        state.holders.made({ kind: 'file', name: file }, client);
        return OK;
      }
      case 'check':
        return state.files.has(operation.file) && !state.files.get(operation.file)?.inode.hugetlb ? OK : IMPOSSIBLE;
      case 'exec':
        return OK;
      case 'client':
      case 'pass':
      case 'kill':
      case 'kill-agent':
      case 'close':
        return callClient(state, operation, { client, losses, epoch: this.#epoch });
      case 'load':
        if (this.isLast || client !== MAIN) return IMPOSSIBLE;
        this.#loaded = operation.via;
        return OK;
      case 'kexec':
        return this.#jump();
      case 'abort':
        if (this.isLast) return IMPOSSIBLE;
        losses.add('refused');
        this.#aborted = true;
        return OK;
      default:
        return callSession(state, operation, { kernel: this.kernel, client, losses });
    }
  }

  /** How a right run of the operations so far ends. */
  end(): Outcome {
    leaveBehind(this.#state, this.#losses);
    return this.#losses.outcome;
  }

  #jump(): Verdict {
    if (this.isLast) return IMPOSSIBLE;
    const losses = this.#losses;
    const next = new LuoState();
    leaveBehind(this.#state, losses);
    next.incoming = handOver(this.#state.outgoing, { rules: this.kernel.rules, way: this.#loaded ?? 'file', losses });
    this.#state = next;
    this.#loaded = null;
    this.#epoch += 1;
    return OK;
  }
}
