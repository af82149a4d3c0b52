// SPDX-License-Identifier: Apache-2.0
// Finds the changes between two kernels' handover formats, and whether the versions changed with them.
import type { Component } from '../../model/kernel/component.js';
import type { Field, KernelAbi, Structure } from '../../model/kernel/abi.js';
import { COVERS } from './rules.js';
import { formatComponent, versionsOf } from '../binary/component.js';

export interface StructureChange {
  structure: string;
  /**
   * `renamed`: the same bytes with another name. `replaced`: one is gone and others are new, under the same version.
   */
  change: 'new' | 'gone' | 'renamed' | 'replaced' | 'changed' | 'names';
  /** One sentence for each difference. */
  details: string[];
  /** The versions of this structure in the two kernels; null if there is none. */
  covered: { from: string | null; to: string | null };
  /** The bytes changed, but no version did. */
  unannounced: boolean;
}

export interface AbiDiff {
  from: string;
  to: string;
  components: { component: string; from: number[]; to: number[] }[];
  structures: StructureChange[];
  /** False if a layout changed without its version; null if unknown, because some layouts are missing. */
  ok: boolean | null;
  /** Why the answer may be incomplete. */
  notes: string[];
}

export function diffAbi(from: KernelAbi, to: KernelAbi): AbiDiff {
  const structures =
    from.structures === null || to.structures === null
      ? []
      : structureChanges(from, to, from.structures, to.structures);
  const names = [...new Set([...from.components, ...to.components].map(({ name }) => name))].sort();
  const components = names
    .map((component) => ({
      component,
      from: versionsOf(from.components, component),
      to: versionsOf(to.components, component),
    }))
    .filter((row) => row.from.join() !== row.to.join());
  const ok = structures.some(({ unannounced }) => unannounced) ? false : from.complete && to.complete ? true : null;
  const notes = [
    ...from.notes.map((note) => `${from.name}: ${note}`),
    ...to.notes.map((note) => `${to.name}: ${note}`),
  ];
  return { from: from.name, to: to.name, components, structures, ok, notes };
}

/** The version that covers a structure in a kernel: `kho-v4`; null if there is none. */
export function coveringVersion(structure: string, components: readonly Component[]): string | null {
  const row = COVERS.find((cover) => cover.structure.test(structure));
  const names = row?.components ?? ownComponents(structure, components);
  for (const name of names) {
    const [version] = versionsOf(components, name);
    if (version !== undefined) return formatComponent({ name, version });
  }
  return null;
}

/** For a structure outside the table: the component with the longest name that the structure's name starts with. */
function ownComponents(structure: string, components: readonly Component[]): string[] {
  return [...new Set(components.map(({ name }) => name))]
    .filter((name) => `${structure}_`.startsWith(`${name.replaceAll(/[-.,]/g, '_')}_`))
    .sort((a, b) => b.length - a.length);
}

function structureChanges(
  from: KernelAbi,
  to: KernelAbi,
  before: readonly Structure[],
  after: readonly Structure[],
): StructureChange[] {
  const old = new Map(before.map((structure) => [structure.name, structure]));
  const next = new Map(after.map((structure) => [structure.name, structure]));
  const gone = before.filter(({ name }) => !next.has(name));
  const added = after.filter(({ name }) => !old.has(name));
  const cover = (name: string) => ({
    from: coveringVersion(name, from.components),
    to: coveringVersion(name, to.components),
  });
  // If neither kernel has a version for it, no version can show the change.
  const same = (covered: StructureChange['covered']) => covered.from === covered.to;
  const changes: StructureChange[] = [];
  for (const structure of before) {
    const other = next.get(structure.name);
    if (other === undefined) continue;
    const covered = cover(structure.name);
    const { layout, names } = differences(structure, other);
    if (layout.length + names.length === 0) continue;
    changes.push({
      structure: structure.name,
      change: layout.length > 0 ? 'changed' : 'names',
      details: [...layout, ...names],
      covered,
      unannounced: layout.length > 0 && same(covered),
    });
  }
  const renamed = new Set<Structure>();
  for (const structure of gone) {
    const covered = cover(structure.name);
    const twin = same(covered)
      ? added.find(
          (candidate) =>
            !renamed.has(candidate) && cover(candidate.name).to === covered.to && sameBytes(structure, candidate),
        )
      : undefined;
    if (twin !== undefined) {
      renamed.add(twin);
      changes.push({
        structure: structure.name,
        change: 'renamed',
        details: [`now ${twin.name}`],
        covered,
        unannounced: false,
      });
      continue;
    }
    const instead = added.filter(
      ({ name }) =>
        cover(name).to === covered.to &&
        !gone.some((other) => other !== structure && sameBytes(other, next.get(name) ?? other)),
    );
    const replaced = covered.from !== null && same(covered) && instead.length > 0;
    const details = replaced
      ? [`gone, and ${instead.map(({ name }) => name).join(', ')} came with the same version`]
      : [`it had ${structure.size} bytes`];
    changes.push({
      structure: structure.name,
      change: replaced ? 'replaced' : 'gone',
      details,
      covered,
      unannounced: replaced,
    });
  }
  for (const structure of added) {
    if (!renamed.has(structure))
      changes.push({
        structure: structure.name,
        change: 'new',
        details: [`${structure.size} bytes`],
        covered: cover(structure.name),
        unannounced: false,
      });
  }
  return changes.sort((a, b) => Number(b.unannounced) - Number(a.unannounced) || (a.structure < b.structure ? -1 : 1));
}

function sameBytes(a: Structure, b: Structure): boolean {
  return (
    a.size === b.size &&
    a.fields.length === b.fields.length &&
    a.fields.every((field, index) => samePlace(field, b.fields[index]))
  );
}

function samePlace(a: Field, b: Field | undefined): boolean {
  return (
    b !== undefined &&
    a.offset === b.offset &&
    a.size === b.size &&
    a.shape === b.shape &&
    a.bits?.offset === b.bits?.offset &&
    a.bits?.size === b.bits?.size
  );
}

/** Differences in the bytes, and differences only in names. */
function differences(a: Structure, b: Structure): { layout: string[]; names: string[] } {
  const layout: string[] = [];
  const names: string[] = [];
  if (a.kind !== b.kind) layout.push(`a ${a.kind} became a ${b.kind}`);
  if (a.size !== b.size) layout.push(`${a.size} bytes became ${b.size}`);
  const old = new Map(a.fields.map((field) => [field.name, field]));
  const next = new Map(b.fields.map((field) => [field.name, field]));
  const fresh = b.fields.filter(({ name }) => !old.has(name));
  for (const field of a.fields) {
    const other = next.get(field.name);
    if (other === undefined) {
      const twin = fresh.findIndex((candidate) => samePlace(field, candidate));
      const [now] = twin < 0 ? [] : fresh.splice(twin, 1);
      if (now === undefined) layout.push(`${field.name} is gone (${placeText(field)})`);
      else names.push(`${field.name} is called ${now.name}`);
    } else if (!samePlace(field, other)) {
      if (!movedWithHolder(field, other, old, next))
        layout.push(`${field.name}: ${placeText(field)} became ${placeText(other)}`);
    } else if (field.type !== other.type) names.push(`${field.name}: ${field.type} is written ${other.type}`);
  }
  for (const field of fresh) layout.push(`${field.name} is new (${placeText(field)})`);
  return { layout, names };
}

/** If a whole structure moved, its fields at the same place in it do not count as moved. */
function movedWithHolder(
  field: Field,
  other: Field,
  old: ReadonlyMap<string, Field>,
  next: ReadonlyMap<string, Field>,
): boolean {
  const holder = field.name.slice(0, Math.max(0, field.name.lastIndexOf('.'))).replace(/\[\]$/, '');
  const [before, after] = [old.get(holder), next.get(holder)];
  if (before === undefined || after === undefined) return false;
  const moved = after.offset - before.offset;
  const there = {
    ...field,
    offset: field.offset + moved,
    bits: field.bits && { ...field.bits, offset: field.bits.offset + moved * 8 },
  };
  return moved !== 0 && samePlace(there, other);
}

function placeText({ type, offset, size, bits }: Field): string {
  return bits === null ? `${type}, ${size} bytes at ${offset}` : `${type}, ${bits.size} bits at bit ${bits.offset}`;
}
