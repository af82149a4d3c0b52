// SPDX-License-Identifier: Apache-2.0
// Holds two kernels against each other, component by component and in both directions: the update, and the way back.
import type { Component, ComponentVersions } from '../model/kernel/component.js';
import type { EndsIn, Outcome } from '../model/result/outcome.js';
import { type BootMemory, withMemory } from './memory/boot-memory.js';
import { meetings, type Meeting, type MeetingState } from './compare.js';
import { hardwarePart } from './predict/hardware.js';
import { objectMeeting, withCmdline } from './object.js';
import { type KernelFacts, predict } from './predict/predict.js';
import type { Use } from './predict/rules.js';
import { componentOf, highestCommon, writtenBy } from './versions.js';

/** How one component fares in one direction. */
export interface ComponentMeeting {
  /** As in compare.ts; `unjudged`: the lab does not know the component, and the versions differ. */
  state: MeetingState | 'unjudged';
  /** Versions one of which will be written; null where that is not known. */
  wrote: number[] | null;
  reads: number[];
  /** The highest version that the writer can write and the reader reads. */
  highestCommon: number | null;
  /**
   * What the writer's command line must say so that this one is written; null where nothing need be said, or nothing
   * helps.
   */
  set: string | null;
  /** What a mismatch ends in by itself, in which function of the reading kernel, and how. */
  endsIn: EndsIn;
  where: string | null;
  reason: string | null;
}

export interface ComponentCheck {
  component: string;
  /** What each of the two does with it under its command line; null where it does not have it. */
  from: ComponentVersions | null;
  to: ComponentVersions | null;
  update: ComponentMeeting;
  rollback: ComponentMeeting;
}

/** One direction as a whole. */
export interface DirectionCheck {
  /** Everything that is carried comes back. Null where that cannot be known. */
  compatible: boolean | null;
  outcome: Outcome | null;
  endsIn: EndsIn | null;
  /** Function of the next kernel that decides. */
  where: string | null;
  /** What it is held to carry. */
  carries: Use[];
  reasons: string[];
  /**
   * What it has to boot in: `scratch: 84 MiB in 2 areas, 7.2.12 needs 86 MiB: 2 MiB short`; null where a size is not
   * known.
   */
  memory: string | null;
  /** What the writing kernel's command line must say so that it works; null where it does, or nothing helps. */
  helps: string | null;
}

export interface PairCheck {
  components: ComponentCheck[];
  update: DirectionCheck;
  rollback: DirectionCheck;
}

/** What is known of a kernel, and its own list of versions, which alone tells of versions that stand in no string. */
export interface CheckedKernel extends KernelFacts {
  listed: readonly Component[] | null;
}

export interface CheckInput {
  from: CheckedKernel;
  to: CheckedKernel;
  /** Command lines belong to the kernels, whichever way it goes. */
  cmdlineFrom: string;
  cmdlineTo: string;
  /** What is carried; null: whatever the writing kernel can carry. */
  uses: readonly Use[] | null;
  objectNeeds: number | null;
  /** What the next kernel has to boot in, each way; missing where the machine is not known. */
  memory?: { update: BootMemory; rollback: BootMemory } | undefined;
}

export function checkPair(input: CheckInput): PairCheck {
  const from = withCmdline(input.from.versions, input.cmdlineFrom);
  const to = withCmdline(input.to.versions, input.cmdlineTo);
  const [there, back] = [meetings(from, to), meetings(to, from)];
  const unseen = UNSEEN.filter((name) => [input.from, input.to].some((kernel) => isUnseen(kernel, name)));
  const components = [...namesOf(there, from, to).filter((name) => !unseen.includes(name)), ...unseen].map(
    (component) => ({
      component,
      from: componentOf(from, component),
      to: componentOf(to, component),
      ...(unseen.includes(component)
        ? { update: NOT_SEEN, rollback: NOT_SEEN }
        : {
            update: meetingOf(component, there, from, to, input.objectNeeds),
            rollback: meetingOf(component, back, to, from, input.objectNeeds),
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
        memory: turned(input.memory),
      },
      components.map(({ rollback }) => rollback),
    ),
  };
}

/** Versions that are numbers, and stand in no string of the image. A difference does no harm. */
const UNSEEN: readonly string[] = ['kexec-metadata'];
const NOT_SEEN: ComponentMeeting = {
  state: 'unknown',
  wrote: null,
  reads: [],
  highestCommon: null,
  set: null,
  endsIn: 'none',
  where: null,
  reason: null,
};

/** Whether the kernel may have the component although its image does not tell. */
export function isUnseen({ versions, listed, known }: CheckedKernel, name: string): boolean {
  return (
    UNSEEN.includes(name) && known && listed === null && versions.length > 0 && componentOf(versions, name) === null
  );
}

/** Those that one of the two has: first as the next kernel comes to them, then what the lab does not know. */
function namesOf(
  known: readonly Meeting[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
): string[] {
  const has = (name: string): boolean => componentOf(from, name) !== null || componentOf(to, name) !== null;
  const names = known.map(({ rule }) => rule.component).filter(has);
  return [...new Set([...names, ...[...from, ...to].map(({ name }) => name).toSorted()])];
}

function meetingOf(
  name: string,
  known: readonly Meeting[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
  objectNeeds: number | null,
): ComponentMeeting {
  const [writer, reader] = [componentOf(from, name), componentOf(to, name)];
  const reads = reader?.reads ?? [];
  const wrote = writtenBy(writer);
  const meeting = known.find(({ rule }) => rule.component === name);
  const common = commonOf(writer, reader, objectNeeds);
  const about = {
    wrote,
    reads,
    ...common,
    endsIn: meeting?.effect?.endsIn ?? ('none' as const),
    where: meeting?.effect?.where || null,
    reason: meeting?.effect?.what ?? null,
  };
  if (meeting !== undefined) return { state: meeting.state, ...about };
  if (wrote?.length === 0) return { state: 'none', ...about };
  return { state: wrote?.some((version) => reads.includes(version)) ? 'match' : 'unjudged', ...about };
}

/** The version that the two would settle on, and how to have it written. */
function commonOf(
  writer: ComponentVersions | null,
  reader: ComponentVersions | null,
  objectNeeds: number | null,
): Pick<ComponentMeeting, 'highestCommon' | 'set'> {
  if (writer === null || reader === null) return { highestCommon: null, set: null };
  if (writer.manner === null || reader.manner === null)
    return { highestCommon: highestCommon(writer.writes, reader.reads), set: null };
  const enough = (writer.writes ?? []).filter((version) => version >= (objectNeeds ?? 0));
  for (const notation of new Set([writer.manner.notation, reader.manner.notation])) {
    const as = (version: number): ComponentVersions => ({
      ...writer,
      write: version,
      manner: { check: 'late', notation },
    });
    const best = highestCommon(
      enough.filter((version) => objectMeeting(as(version), reader) === null),
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

/** One direction, and whether it works once every component is written as the other one reads it. */
function withHelp(input: CheckInput, met: readonly ComponentMeeting[]): DirectionCheck {
  const check = direction(input);
  const helps = met.flatMap(({ state, set }) => (state === 'mismatch' && set !== null ? [set] : [])).join(' ');
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
      reasons: ['the old kernel has nothing to hand anything over with'],
      memory: null,
    };
  }
  const memory = input.memory?.update ?? NO_MEMORY;
  const images = predict({ ...input, uses: carries });
  const prediction = images && withMemory(images, memory);
  if (prediction === null) {
    const reason =
      images === null
        ? unknownReason(input)
        : `not known whether the next kernel can boot${memory.text === null ? '' : `: ${memory.text}`}`;
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

function turned(memory: CheckInput['memory']): CheckInput['memory'] {
  return memory && { update: memory.rollback, rollback: memory.update };
}

function unknownReason({ from, to }: CheckInput): string {
  if (!from.known && !to.known) return 'not known: neither of the two images could be read';
  if (!from.known || !to.known)
    return `not known: the image of the ${from.known ? 'next' : 'old'} kernel could not be read`;
  return 'not known: which version of the object is written, or how it is read, cannot be seen without the configuration that the kernel was built with';
}

/** All that a kernel can hand over. */
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
