// SPDX-License-Identifier: Apache-2.0
// What a kernel reads and writes, put together from all that its image tells.
import type { Component, ComponentVersions } from '../model/kernel/component.js';
import { sameComponent, versionsOf } from './component.js';
import { isSet } from './binary/config.js';
import { OBJECT_PARTS, objectVersions } from './object-build.js';

/** What was read of an image. */
export interface ImageEvidence {
  /** Version strings found in it. */
  strings: readonly Component[];
  /** The content of .liveupdate_versions; null where it has none that can be read. */
  listed: readonly Component[] | null;
  /** Text of the configuration that it was built with; null where that is not known. */
  config: string | null;
  /** All of the image was looked through. */
  whole: boolean;
}

export interface KernelVersions {
  components: Component[];
  versions: ComponentVersions[];
  known: boolean;
}

/**
 * Joins the evidence: the kernel's own list counts before strings, build options before both where they say what is
 * written.
 */
export function kernelVersions({ strings, listed, config, whole }: ImageEvidence): KernelVersions {
  const components: Component[] = [];
  const own = listed ?? [];
  for (const component of [...own, ...strings.filter(({ name }) => versionsOf(own, name).length === 0)]) {
    if (!components.some((known) => sameComponent(known, component))) components.push(component);
  }
  const object = objectVersions(versionsOf(components, 'object'), config);
  const apart = object === null ? [] : ['object', ...OBJECT_PARTS];
  const versions = stockVersions(components.filter(({ name }) => !apart.includes(name)));
  if (object !== null) versions.push(object);
  const withoutKho = config !== null && !isSet(config, 'CONFIG_KEXEC_HANDOVER');
  return { components, versions, known: whole && (components.length > 0 || withoutKho) };
}

/** A kernel whose components each have the versions that they both read and write, as all stock ones have. */
export function stockVersions(components: readonly Component[]): ComponentVersions[] {
  return [...new Set(components.map(({ name }) => name))].map((name) => {
    const all = versionsOf(components, name);
    return { name, reads: all, writes: all, write: all.length === 1 ? (all[0] ?? null) : null, manner: null };
  });
}

/** What a kernel does with one component; null where it does not have it. */
export function componentOf(versions: readonly ComponentVersions[], name: string): ComponentVersions | null {
  return versions.find((each) => each.name === name) ?? null;
}

/** Versions that it understands, highest first. */
export function readsOf(versions: readonly ComponentVersions[], name: string): number[] {
  return componentOf(versions, name)?.reads ?? [];
}

/**
 * What will be written: one version, or several of which it is one; null where that is not known. Empty: none at all.
 */
export function writtenBy(component: ComponentVersions | null): number[] | null {
  if (component === null) return [];
  return component.write === null ? component.writes : [component.write];
}

/**
 * The highest version that the one can write and the other one reads; null where there is none, or the first is not
 * known.
 */
export function highestCommon(writes: readonly number[] | null, reads: readonly number[]): number | null {
  return (writes ?? [])
    .filter((version) => reads.includes(version))
    .reduce<number | null>((best, version) => (best === null || version > best ? version : best), null);
}
