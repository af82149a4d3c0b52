// SPDX-License-Identifier: Apache-2.0
// What the parts of the fuzzer exchange. An input is a scenario: everything that runs, judges, minimises and reports
// a scenario works on it, and a finding needs no translation.
import type { Rung } from '../model/result/snapshot.js';
import type { Scenario } from '../model/scenario/scenario.js';
import type { Random } from '../util/random.js';
import type { Incident } from '../model/result/incident.js';
import type { Outcome } from '../model/result/outcome.js';

/** `calls`: sequences of operations in both kernels. `bytes`: changes of the handover between them. */
export const GENERATORS = ['calls', 'bytes'] as const;
export type GeneratorName = (typeof GENERATORS)[number];

export function isGenerator(name: string): name is GeneratorName {
  return GENERATORS.some((each) => each === name);
}

export interface Input {
  generator: GeneratorName;
  /** YAML, as it is kept in the corpus. */
  text: string;
  scenario: Scenario;
  /** Whether every version in the handover is one that the kernel knows: a panic is then never policy. */
  versionsValid: boolean;
}

export interface Generator {
  readonly name: GeneratorName;
  fresh(random: Random): Input;
  /** A neighbour of an input that reached something new. */
  mutate(input: Input, random: Random): Input;
}

/** What a record and a result of a run have in common. */
export interface Ending {
  outcome: Outcome;
  cause: Incident | null;
  incidents: readonly Incident[];
}

export interface Execution {
  ending: Ending;
  /** Addresses of the blocks of the code under test that ran, by epoch; null where nobody could look. */
  blocks: ReadonlyMap<number, ReadonlySet<number>> | null;
  /** Where its machine started; null if it booted. */
  rung: Rung | null;
  /** Milliseconds from the start of the machine to the verdict. */
  ms: number;
}

/** Runs inputs of one generator, each in a machine of its own. Throws an Error for a failure of the host. */
export interface Executor extends AsyncDisposable {
  execute(input: Input, signal: AbortSignal): Promise<Execution>;
}

/** What one execution shows. */
export type Judgement =
  | { kind: 'allowed' }
  /** `title` names the cause, and is the same for the same cause. */
  | { kind: 'finding'; outcome: Outcome; title: string }
  /** A kernel that panics on a version that it does not know does so on purpose. */
  | { kind: 'policy'; title: string }
  /** Neither the input nor a kernel: the lab or its host failed. */
  | { kind: 'infra'; why: string };
