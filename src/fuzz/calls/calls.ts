// SPDX-License-Identifier: Apache-2.0
// The generator of sequences of calls. Each input carries the answers that the model allows.
import type { Structure } from '../../model/kernel/abi.js';
import type { Random } from '../../util/random.js';
import type { Generator, Input } from '../input.js';
import { sequenceOfSeed } from './generate/sequences.js';
import { limitsOf } from './limits.js';
import { mutated } from './mutate.js';
import type { Kernel } from './model/sessions.js';
import { sequenceOf } from './operation.js';
import { inputOf, type Kernels } from './replay.js';
import { rulesOf } from './series.js';

export interface CallsOptions {
  /** Chains of kernels whose formats fit, by name: each input takes one. */
  chains: readonly (readonly string[])[];
  /** Layouts of a kernel's structures, by its name. */
  structures: (kernel: string) => readonly Structure[];
  /** Whether a step can make an allocation fail; by default none can. */
  failsAllocations?: (kernel: string) => boolean;
}

const SEEDS = 2 ** 31;

export class CallsGenerator implements Generator {
  readonly name = 'calls';
  private readonly kernels = new Map<string, Kernel>();

  constructor(private readonly options: CallsOptions) {
    if (options.chains.length === 0) throw new RangeError('there is no chain of kernels');
  }

  fresh(random: Random): Input {
    return inputOf(sequenceOfSeed(random.below(SEEDS), { ...this.options, facts: this.facts }), this.facts);
  }

  mutate(input: Input, random: Random): Input {
    const { facts } = this;
    const other = sequenceOfSeed(random.below(SEEDS), { ...this.options, facts });
    return inputOf(mutated(sequenceOf(input.scenario), other, random), facts);
  }

  private readonly facts: Kernels = (name) => {
    const known = this.kernels.get(name);
    if (known !== undefined) return known;
    const rules = rulesOf(name);
    const kernel = {
      rules,
      limits: limitsOf(rules, this.options.structures(name)),
      failsAllocations: this.options.failsAllocations?.(name) ?? false,
    };
    this.kernels.set(name, kernel);
    return kernel;
  };
}
