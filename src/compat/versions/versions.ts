// SPDX-License-Identifier: Apache-2.0
// Combines all evidence in an image about the versions that a kernel reads and writes.
import type { Component, ComponentVersions, Registered } from '../../model/kernel/component.js';
import { componentsIn, sameComponent, versionsOf } from '../binary/component.js';
import { isSet } from '../binary/config.js';
import { OBJECT_PARTS, objectVersions } from './object-build.js';

/** The evidence in an image. */
export interface ImageEvidence {
  /** Version strings in it. */
  strings: readonly Component[];
  /** The content of .liveupdate_versions; null if there is none that can be read. */
  listed: readonly Component[] | null;
  /** The configuration that it was built with; null if unknown. */
  config: string | null;
  /** The whole image was searched. */
  whole: boolean;
  /** What the image registers with LUO; null if that could not be read. */
  registered?: Registered | null;
  /** Versions in the source of the kernel, for those that are numbers. */
  numbers?: readonly Component[];
}

export interface KernelVersions {
  components: Component[];
  versions: ComponentVersions[];
  known: boolean;
}

/**
 * Combines the evidence: the kernel's own list has precedence over strings, and build options over both for what is
 * written.
 */
export function kernelVersions({
  strings,
  listed,
  config,
  whole,
  registered = null,
  numbers = [],
}: ImageEvidence): KernelVersions {
  const components: Component[] = [];
  const own = listed ?? [];
  const named = registeredNames(registered);
  const found = [...strings, ...named.flatMap(({ text }) => versionsIn(text, numbers))];
  for (const component of [...own, ...found.filter(({ name }) => versionsOf(own, name).length === 0)]) {
    if (!components.some((known) => sameComponent(known, component))) components.push(component);
  }
  const object = objectVersions(versionsOf(components, 'object'), config);
  const apart = object === null ? [] : ['object', ...OBJECT_PARTS];
  const versions = stockVersions(components.filter(({ name }) => !apart.includes(name)));
  if (object !== null) versions.push(object);
  for (const { text, kind } of named) {
    const shown = versions.filter(({ name }) => name === text || componentsIn(text).some((each) => each.name === name));
    for (const each of shown) each.kind = kind;
    if (shown.length === 0 && !apart.includes(text) && componentsIn(text).length === 0)
      versions.push({ name: text, reads: [], writes: null, write: null, manner: null, kind });
  }
  const withoutKho = config !== null && !isSet(config, 'CONFIG_KEXEC_HANDOVER');
  return { components, versions, known: whole && (components.length > 0 || withoutKho) };
}

/** The lab's object has a handler for each version that it could be built for; its own list says which it reads. */
function registeredNames(registered: Registered | null): { text: string; kind: 'handler' | 'flb' }[] {
  const { handlers, flbs } = registered ?? { handlers: [], flbs: [] };
  return [
    ...handlers
      .filter((text) => !/^object(-v\d+)?(;|$)/.test(text))
      .map((text) => ({ text, kind: 'handler' as const })),
    ...flbs.map((text) => ({ text, kind: 'flb' as const })),
  ];
}

/** A name without a version has it as a number inside its structure. */
function versionsIn(text: string, numbers: readonly Component[]): Component[] {
  const inName = componentsIn(text);
  return inName.length > 0 ? inName : numbers.filter(({ name }) => name === text);
}

/** A kernel that reads and writes one version of each component, like all stock ones. */
export function stockVersions(components: readonly Component[]): ComponentVersions[] {
  return [...new Set(components.map(({ name }) => name))].map((name) => {
    const all = versionsOf(components, name);
    return { name, reads: all, writes: all, write: all.length === 1 ? (all[0] ?? null) : null, manner: null };
  });
}

/** A kernel's versions of a component; null if it does not have it. */
export function componentOf(versions: readonly ComponentVersions[], name: string): ComponentVersions | null {
  return versions.find((each) => each.name === name) ?? null;
}

/** Versions that it reads, highest first. */
export function readsOf(versions: readonly ComponentVersions[], name: string): number[] {
  return componentOf(versions, name)?.reads ?? [];
}

/** The version that it will write, or several of which it is one; null if unknown, empty if it writes none. */
export function writtenBy(component: ComponentVersions | null): number[] | null {
  if (component === null) return [];
  return component.write === null ? component.writes : [component.write];
}

/**
 * The highest version that one can write and the other can read; null if there is none, or if the writer's versions are
 * unknown.
 */
export function highestCommon(writes: readonly number[] | null, reads: readonly number[]): number | null {
  return (writes ?? [])
    .filter((version) => reads.includes(version))
    .reduce<number | null>((best, version) => (best === null || version > best ? version : best), null);
}
