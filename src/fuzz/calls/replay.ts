// SPDX-License-Identifier: Apache-2.0
// Derives the answers of a sequence by replaying it in the model.
import { parseScenario } from '../../scenario/index.js';
import { isCall, MAIN } from '../../model/scenario/client.js';
import type { Input } from '../input.js';
import { type Answer, either } from './model/answer.js';
import { Model } from './model/model.js';
import type { Kernel } from './model/sessions.js';
import type { Operation, Sequence } from './operation.js';
import { type Answered, textOf } from './text.js';

/** The facts of a kernel by its name. */
export type Kernels = (name: string) => Kernel;

const LOAD = { op: 'load', via: 'file' } as const;

export interface Replayed {
  steps: Answered[];
  model: Model;
}

export function modelOf(kernels: readonly string[], facts: Kernels): Model {
  return new Model(kernels.map(facts));
}

/** Replays a sequence. What is impossible after a mutation is left out, and missing updates come at the end. */
export function replay({ kernels, operations }: Pick<Sequence, 'kernels' | 'operations'>, facts: Kernels): Replayed {
  const replayer = new Replayer(kernels, facts);
  for (let at = 0; at < operations.length; at++) {
    const operation = operations[at] as Operation;
    const next = operations[at + 1];
    if (operation.during === 'kexec') {
      const then = operations.slice(at).find(({ during }) => during !== 'kexec');
      if (then?.op === 'kexec') replayer.atKexec(operation);
    } else if (operation.during === 'next') {
      if (next !== undefined && replayer.race(operation, next)) at += 1;
      else replayer.take(withoutRace(operation));
    } else if (operation.op === 'kexec') replayer.update();
    else replayer.take(operation);
  }
  replayer.settle();
  while (!replayer.model.isLast && !replayer.model.aborted && replayer.update()) replayer.take({ op: 'open' });
  return replayer;
}

function withoutRace(operation: Operation): Operation {
  const { during: _during, ...rest } = operation;
  return rest;
}

class Replayer {
  readonly steps: Answered[] = [];
  model: Model;

  constructor(
    private readonly kernels: readonly string[],
    private readonly facts: Kernels,
  ) {
    this.model = modelOf(kernels, facts);
  }

  /** Returns whether it was possible. */
  take(operation: Operation): boolean {
    const answer = this.model.step(operation);
    if (answer.kind !== 'impossible') this.steps.push({ operation, answer });
    // It may have left traces.
    else this.model = again(this.kernels, this.facts, this.steps);
    return answer.kind !== 'impossible';
  }

  settle(): void {
    for (const operation of this.model.owed()) this.take(operation);
  }

  update(): boolean {
    this.#load();
    return this.take({ op: 'kexec' });
  }

  atKexec(operation: Operation): void {
    this.#load();
    this.take(operation);
  }

  /** The scenario would add it, and the sequence would be another one when it is read again. */
  #load(): void {
    const { model } = this;
    if (model.isLast || model.aborted) return;
    this.settle();
    if (!this.model.isLoaded) this.take(LOAD);
  }

  /**
   * Two calls at the same moment: each may get the answer of either order. Both orders must leave the same behind.
   * Returns false if they do not, and takes none.
   */
  race(first: Operation, second: Operation): boolean {
    if ((first.by ?? MAIN) === (second.by ?? MAIN) || second.during !== undefined) return false;
    if (!isCall(first) || !isCall(second)) return false;
    const [one, other] = [this.#ordered(first, second), this.#ordered(second, first)];
    if (one === null || other === null || one.model.digest() !== other.model.digest()) return false;
    this.steps.push(
      { operation: first, answer: either(one.answers[0], other.answers[1]) },
      { operation: second, answer: either(one.answers[1], other.answers[0]) },
    );
    this.model = one.model;
    return true;
  }

  /** Null if one of them is impossible. */
  #ordered(...operations: [Operation, Operation]): { model: Model; answers: [Answer, Answer] } | null {
    const model = again(this.kernels, this.facts, this.steps);
    const [a, b] = [model.step(operations[0]), model.step(operations[1])];
    return a.kind === 'impossible' || b.kind === 'impossible' ? null : { model, answers: [a, b] };
  }
}

function again(kernels: readonly string[], facts: Kernels, steps: readonly Answered[]): Model {
  const model = modelOf(kernels, facts);
  for (const { operation } of steps) model.step(operation);
  return model;
}

export function inputOf(sequence: Sequence, facts: Kernels): Input {
  const { steps, model } = replay(sequence, facts);
  const text = textOf(sequence, steps, model.end());
  return { generator: 'calls', text, scenario: parseScenario(text, 'calls.yaml', { rule: null }), versionsValid: true };
}
