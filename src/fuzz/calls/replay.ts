// SPDX-License-Identifier: Apache-2.0
// Derives the answers of a sequence by replaying it in the model.
import { parseScenario } from '../../scenario/index.js';
import type { Input } from '../input.js';
import { Model } from './model/model.js';
import type { Kernel } from './model/sessions.js';
import type { Sequence } from './operation.js';
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
export function replay({ kernels, operations }: Sequence, facts: Kernels): Replayed {
  let model = modelOf(kernels, facts);
  const steps: Answered[] = [];
  for (const operation of operations) {
    // The scenario would add it, and the sequence would be another one when it is read again.
    if (operation.op === 'kexec' && !model.isLoaded && !model.isLast && !model.aborted)
      steps.push({ operation: LOAD, answer: model.step(LOAD) as Answered['answer'] });
    const answer = model.step(operation);
    if (answer.kind !== 'impossible') steps.push({ operation, answer });
    // It may have left traces.
    else model = again(kernels, facts, steps);
  }
  while (!model.isLast && !model.aborted) {
    for (const operation of [LOAD, { op: 'kexec' }, { op: 'open' }] as const)
      steps.push({ operation, answer: model.step(operation) as Answered['answer'] });
  }
  return { steps, model };
}

function again(kernels: readonly string[], facts: Kernels, steps: readonly Answered[]): Model {
  const model = modelOf(kernels, facts);
  for (const { operation } of steps) model.step(operation);
  return model;
}

export function inputOf(sequence: Sequence, facts: Kernels): Input {
  const { steps, model } = replay(sequence, facts);
  const text = textOf(sequence.kernels, steps, model.end());
  return { generator: 'calls', text, scenario: parseScenario(text, 'calls.yaml', { rule: null }), versionsValid: true };
}
