// SPDX-License-Identifier: Apache-2.0
// Compares two kernels, component by component and in both directions: the update and the rollback.
import type { Component, ComponentVersions } from '../model/kernel/component.js';
import type { EndsIn, Outcome } from '../model/result/outcome.js';
import { type BootMemory, withMemory } from './memory/boot-memory.js';
import { compareComponents, type Comparison, type ComparisonState } from './rules/compare.js';
import { hardwarePart } from './rules/hardware.js';
import { objectEffect, withCmdline } from './rules/object.js';
import { ruled } from './rules/ruling.js';
import { predict } from './predict/predict.js';
import { type Loading, loadingRuling } from './predict/signature.js';
import type { KernelFacts } from './versions/kernel-facts.js';
import type { Use } from './rules/rules.js';
import { componentOf, highestCommon, writtenBy } from './versions/versions.js';

/** A component in one direction. */
export interface ComponentComparison {
  /** As in compare.ts; `unjudged`: the versions differ, and the lab does not know the component. */
  state: ComparisonState | 'unjudged';
  /** The versions of which one will be written; null if unknown. */
  wrote: number[] | null;
  reads: number[];
  /** The highest version that the writer can write and the reader can read. */
  highestCommon: number | null;
  /** What the writer's command line must contain to write this version; null if nothing is needed, or nothing helps. */
  set: string | null;
  /**
   * The effect of a mismatch by itself: its ending, the deciding function of the reading kernel, and an explanation.
   */
  endsIn: EndsIn;
  where: string | null;
  reason: string | null;
}

export interface ComponentCheck {
  component: string;
  /** The versions of each kernel with its command line; null if it does not have the component. */
  from: ComponentVersions | null;
  to: ComponentVersions | null;
  update: ComponentComparison;
  rollback: ComponentComparison;
}

/** One direction as a whole. */
export interface DirectionCheck {
  /** Everything that is carried comes back. Null if unknown. */
  compatible: boolean | null;
  outcome: Outcome | null;
  endsIn: EndsIn | null;
  /** The deciding function in the next kernel. */
  where: string | null;
  /** What it has to carry. */
  carries: Use[];
  reasons: string[];
  /**
   * The memory for its boot: `scratch: 84 MiB in 2 areas, 7.2.12 needs 86 MiB: 2 MiB short`; null if a size is unknown.
   */
  memory: string | null;
  /** What the writing kernel's command line must contain to make it work; null if it works, or nothing helps. */
  helps: string | null;
}

export interface PairCheck {
  components: ComponentCheck[];
  update: DirectionCheck;
  rollback: DirectionCheck;
}

/** The facts about a kernel, and its own list of versions, the only source of versions without a string. */
export interface CheckedKernel extends KernelFacts {
  listed: readonly Component[] | null;
}

export interface CheckInput {
  from: CheckedKernel;
  to: CheckedKernel;
  /** Command lines belong to the kernels, in both directions. */
  cmdlineFrom: string;
  cmdlineTo: string;
  /** What is carried; null for everything that the writing kernel can carry. */
  uses: readonly Use[] | null;
  objectNeeds: number | null;
  /** The memory for the next kernel's boot in each direction, if the machine is known. */
  memory?: { update: BootMemory; rollback: BootMemory } | undefined;
  /** How both images are loaded, if not as they were built. */
  loading?: Loading | undefined;
}

export function checkPair(input: CheckInput): PairCheck {
  const from = withCmdline(input.from.versions, input.cmdlineFrom);
  const to = withCmdline(input.to.versions, input.cmdlineTo);
  const [forward, back] = [compareComponents(from, to), compareComponents(to, from)];
  const unseen = UNSEEN.filter((name) => [input.from, input.to].some((kernel) => isUnseen(kernel, name)));
  const components = [...namesOf(forward, from, to).filter((name) => !unseen.includes(name)), ...unseen].map(
    (component) => ({
      component,
      from: componentOf(from, component),
      to: componentOf(to, component),
      ...(unseen.includes(component)
        ? { update: NOT_SEEN, rollback: NOT_SEEN }
        : {
            update: comparisonOf(component, forward, from, to, input.objectNeeds),
            rollback: comparisonOf(component, back, to, from, input.objectNeeds),
          }),
    }),
  );
  return {
    components,
    update: withHelp(
      input,
      components.map(({ update }) => update),
    ),
    rollback: withHelp(
      {
        ...input,
        from: input.to,
        to: input.from,
        cmdlineFrom: input.cmdlineTo,
        cmdlineTo: input.cmdlineFrom,
        memory: swapped(input.memory),
      },
      components.map(({ rollback }) => rollback),
    ),
  };
}

/** Components whose version is a number and in no string of the image. A difference is harmless. */
const UNSEEN: readonly string[] = ['kexec-metadata'];
const NOT_SEEN: ComponentComparison = {
  state: 'unknown',
  wrote: null,
  reads: [],
  highestCommon: null,
  set: null,
  endsIn: 'none',
  where: null,
  reason: null,
};

/** Whether the kernel may have the component although its image does not show it. */
export function isUnseen({ versions, listed, known }: CheckedKernel, name: string): boolean {
  return (
    UNSEEN.includes(name) && known && listed === null && versions.length > 0 && componentOf(versions, name) === null
  );
}

/** The components of either kernel: first in the order in which the next kernel reads them, then the unknown ones. */
function namesOf(
  known: readonly Comparison[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
): string[] {
  const has = (name: string): boolean => componentOf(from, name) !== null || componentOf(to, name) !== null;
  const names = known.map(({ rule }) => rule.component).filter(has);
  return [...new Set([...names, ...[...from, ...to].map(({ name }) => name).toSorted()])];
}

function comparisonOf(
  name: string,
  known: readonly Comparison[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
  objectNeeds: number | null,
): ComponentComparison {
  const [writer, reader] = [componentOf(from, name), componentOf(to, name)];
  const reads = reader?.reads ?? [];
  const wrote = writtenBy(writer);
  const comparison = known.find(({ rule }) => rule.component === name);
  const common = commonOf(writer, reader, objectNeeds);
  const base = {
    wrote,
    reads,
    ...common,
    endsIn: comparison?.effect?.endsIn ?? ('none' as const),
    where: comparison?.effect?.where || null,
    reason: comparison?.effect?.what ?? null,
  };
  if (comparison !== undefined) return { state: comparison.state, ...base };
  if (wrote?.length === 0) return { state: 'none', ...base };
  return { state: wrote?.some((version) => reads.includes(version)) ? 'match' : 'unjudged', ...base };
}

/** The best common version, and the words that make the old kernel write it. */
function commonOf(
  writer: ComponentVersions | null,
  reader: ComponentVersions | null,
  objectNeeds: number | null,
): Pick<ComponentComparison, 'highestCommon' | 'set'> {
  if (writer === null || reader === null) return { highestCommon: null, set: null };
  if (writer.manner === null || reader.manner === null)
    return { highestCommon: highestCommon(writer.writes, reader.reads), set: null };
  const sufficient = (writer.writes ?? []).filter((version) => version >= (objectNeeds ?? 0));
  for (const notation of new Set([writer.manner.notation, reader.manner.notation])) {
    const as = (version: number): ComponentVersions => ({
      ...writer,
      write: version,
      manner: { check: 'late', notation },
    });
    const best = highestCommon(
      sufficient.filter((version) => objectEffect(as(version), reader) === null),
      reader.reads,
    );
    if (best === null) continue;
    const words = [
      ...(notation === writer.manner.notation ? [] : [`labobj.notation=${notation}`]),
      ...(best === writer.write ? [] : [`labobj.write=${best}`]),
    ];
    return { highestCommon: best, set: words.join(' ') || null };
  }
  return { highestCommon: null, set: null };
}

/** Checks one direction, and whether it would work if the old kernel wrote versions that the next one reads. */
function withHelp(input: CheckInput, comparisons: readonly ComponentComparison[]): DirectionCheck {
  const check = direction(input);
  const helps = comparisons.flatMap(({ state, set }) => (state === 'mismatch' && set !== null ? [set] : [])).join(' ');
  if (check.compatible !== false || helps === '') return { ...check, helps: null };
  return {
    ...check,
    helps: direction({ ...input, cmdlineFrom: `${input.cmdlineFrom} ${helps}` }).compatible === true ? helps : null,
  };
}

function direction(input: CheckInput): Omit<DirectionCheck, 'helps'> {
  const carries = [...(input.uses ?? carriable(withCmdline(input.from.versions, input.cmdlineFrom)))];
  if (input.from.known && input.uses === null && carries.length === 0) {
    return {
      compatible: false,
      outcome: 'refused',
      endsIn: 'none',
      where: null,
      carries,
      reasons: ['the old kernel has nothing that can hand anything over'],
      memory: null,
    };
  }
  const memory = input.memory?.update ?? NO_MEMORY;
  const images = predict({ ...input, uses: carries });
  const unsigned =
    images === null || images.outcome === 'refused'
      ? null
      : loadingRuling(input.from, input.cmdlineFrom, input.loading);
  const prediction = images && (unsigned === null ? withMemory(images, memory) : ruled(images, unsigned));
  if (prediction === null) {
    const reason =
      images === null
        ? unknownReason(input)
        : `unknown whether the next kernel can boot${memory.text === null ? '' : `: ${memory.text}`}`;
    return {
      compatible: null,
      outcome: null,
      endsIn: null,
      where: null,
      carries,
      reasons: [reason],
      memory: memory.text,
    };
  }
  const { outcome, endsIn, where, reasons } = prediction;
  return { compatible: outcome === 'preserved', outcome, endsIn, where, carries, reasons, memory: memory.text };
}

const NO_MEMORY: BootMemory = { ruling: null, text: null };

function swapped(memory: CheckInput['memory']): CheckInput['memory'] {
  return memory && { update: memory.rollback, rollback: memory.update };
}

function unknownReason({ from, to }: CheckInput): string {
  if (!from.known && !to.known) return 'unknown: neither image could be read';
  if (!from.known || !to.known)
    return `unknown: the image of the ${from.known ? 'next' : 'old'} kernel could not be read`;
  return (
    'unknown: without the configuration of the kernel, the lab cannot see which version of the object it writes, ' +
    'or how it reads it'
  );
}

/** Everything that a kernel can hand over. */
function carriable(versions: readonly ComponentVersions[]): Use[] {
  const has = (name: string): boolean => componentOf(versions, name) !== null;
  if (!has('kho')) return [];
  const uses: Use[] = [];
  if (has('luo')) uses.push('session');
  if (has('luo') && has('memfd')) uses.push('memfd');
  if (has('luo') && writtenBy(componentOf(versions, 'object'))?.length !== 0) uses.push('object');
  if (has('luo') && versions.some(({ name }) => hardwarePart(name) === 'vfio')) uses.push('device');
  if (has('memblock') && has('reserve-mem')) uses.push('reserve_mem');
  return uses;
}
