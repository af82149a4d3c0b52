// SPDX-License-Identifier: Apache-2.0
// Changes of the handover as inputs: one to three fields of a scenario that is sound without them.
import { parse, parseDocument } from 'yaml';
import type { Series } from '../../handover/index.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { parseScenario } from '../../scenario/index.js';
import type { Random } from '../../util/random.js';
import type { Generator, Input } from '../input.js';
import { fieldsOf } from './fields.js';
import { changeOf, type ChangeText, isVersion } from './values.js';

/** A scenario whose handover is damaged. */
export interface Base {
  name: string;
  text: string;
}

export interface BytesOptions {
  bases: readonly Base[];
  /** Names of the kernel that hands over and of the one that reads. */
  from: string;
  to: string;
  /** Of the kernel that writes the handover. */
  series: Series;
}

interface FaultText {
  at: 'jump';
  change: ChangeText;
}

/** Of six inputs, three change one field, two change two, one changes three. */
const COUNTS = [1, 1, 1, 2, 2, 3];
const MAX_CHANGES = 6;
const MAX_TRIES = 100;

export class Bytes implements Generator {
  readonly name = 'bytes';
  /** By text: the scenarios without a change. */
  private readonly sound = new Map<string, Scenario>();

  constructor(private readonly options: BytesOptions) {
    if (options.bases.length === 0) throw new RangeError('there is no scenario whose handover could be changed');
  }

  fresh(random: Random): Input {
    const { bases } = this.options;
    const base = bases[random.below(bases.length)] as Base;
    const count = COUNTS[random.below(COUNTS.length)] ?? 1;
    return this.input(base.text, this.changes(base.text, count, random));
  }

  /** Adds a change, takes one away, or replaces one. */
  mutate(input: Input, random: Random): Input {
    const now = changesOf(input.text);
    const dropped = random.below(Math.max(1, now.length));
    const kept = now.filter((_, index) => index !== dropped);
    switch (random.below(3)) {
      case 0:
        return this.input(input.text, [...now.slice(0, MAX_CHANGES - 1), ...this.changes(input.text, 1, random)]);
      case 1:
        return this.input(input.text, kept.length === 0 ? this.changes(input.text, 1, random) : kept);
      default:
        return this.input(input.text, [...kept, ...this.changes(input.text, 1, random)]);
    }
  }

  private changes(text: string, count: number, random: Random): ChangeText[] {
    const scenario = this.withoutChanges(text);
    const changes: ChangeText[] = [];
    for (let tries = 0; changes.length < count && tries < MAX_TRIES; tries++) {
      const fields = fieldsOf(scenario, this.options.series, random);
      // Other names, so that a field can take the value of its like.
      const others = [...fields, ...fieldsOf(scenario, this.options.series, random)];
      const field = fields[random.below(fields.length)];
      const change = field === undefined ? null : changeOf(field, others, random);
      if (change !== null && !changes.some(({ place }) => place === change.place)) changes.push(change);
    }
    return changes;
  }

  private withoutChanges(text: string): Scenario {
    const sound = withFaults(text, [], this.options);
    const scenario = this.sound.get(sound) ?? parseScenario(sound, 'base.yaml', { rule: null });
    this.sound.set(sound, scenario);
    return scenario;
  }

  private input(base: string, changes: readonly ChangeText[]): Input {
    const text = withFaults(base, changes, this.options);
    return {
      generator: 'bytes',
      text,
      // The lab made it itself.
      scenario: parseScenario(text, 'bytes.yaml', { rule: null }),
      versionsValid: !changes.some(({ place, remove }) => isVersion(place) || remove === true),
    };
  }
}

function withFaults(
  base: string,
  changes: readonly ChangeText[],
  { from, to }: Pick<BytesOptions, 'from' | 'to'>,
): string {
  const document = parseDocument(base);
  document.set('from', from);
  document.set('to', to);
  const faults: FaultText[] = changes.map((change) => ({ at: 'jump', change }));
  if (faults.length === 0) document.delete('faults');
  else document.set('faults', document.createNode(faults));
  return document.toString({ lineWidth: 0 });
}

function changesOf(text: string): ChangeText[] {
  const { faults = [] } = parse(text) as { faults?: FaultText[] };
  return faults.map(({ change }) => change);
}
