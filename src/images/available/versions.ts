// SPDX-License-Identifier: Apache-2.0
// Which kernel versions there are, and which of them no definition has. A version is that of the upstream kernel: a
// Debian revision and its backport are the same kernel to the lab.
import type { KernelDefinition, Source } from '../definition/definition.js';
import { byVersion } from '../definition/definition.js';

/** One place that has a version. */
export interface Offer {
  version: string;
  /** The suite, tree or folder, for people. */
  where: string;
  source: Source;
}

export interface AvailableKernel {
  version: string;
  /** All places that have it; the first is the one that a definition would name first. */
  offers: Offer[];
  /** The definition of exactly this version; null if there is none. */
  definition: string | null;
  /** The definition to take the configuration from: the newest that is not newer, else the oldest; null if none is. */
  base: string | null;
}

/** 7.3.4-1~bpo13+1 is 7.3.4, and 7.3~rc7-1~exp1 is 7.3-rc7. Null for what is no version of a kernel. */
export function upstreamVersion(text: string): string | null {
  const match = /^v?(\d+\.\d+(?:\.\d+)?)(?:[~-](rc\d+))?(?:[-+~]|$)/.exec(text.replace(/^\d+:/, ''));
  if (match?.[1] === undefined) return null;
  return match[2] === undefined ? match[1] : `${match[1]}-${match[2]}`;
}

/** A release comes after its candidates. */
export function compareVersions(a: string, b: string): number {
  const key = (version: string) => version.replace(/^(\d+\.\d+)-rc/, '$1.0-rc').replace(/^(\d+\.\d+)$/, '$1.0');
  const [one, other] = [key(a), key(b)];
  const [release, otherRelease] = [one.split('-')[0] ?? '', other.split('-')[0] ?? ''];
  if (release === otherRelease && one !== other) {
    if (one === release) return 1;
    if (other === release) return -1;
  }
  return byVersion(one, other);
}

/** Joins the offers by version, oldest first. */
export function availableKernels(
  offers: readonly Offer[],
  definitions: readonly KernelDefinition[],
): AvailableKernel[] {
  const known = new Map<string, string>();
  for (const { name, sources } of definitions) {
    for (const version of [upstreamVersion(name), ...sources.map(versionOf)])
      if (version !== null && !known.has(version)) known.set(version, name);
  }
  const ordered = [...known].sort(([a], [b]) => compareVersions(a, b));
  const baseOf = (version: string) =>
    (ordered.findLast(([other]) => compareVersions(other, version) <= 0) ?? ordered[0])?.[1] ?? null;
  const byName = new Map<string, Offer[]>();
  for (const offer of offers) byName.set(offer.version, [...(byName.get(offer.version) ?? []), offer]);
  return [...byName]
    .map(([version, own]) => ({ version, offers: own, definition: known.get(version) ?? null, base: baseOf(version) }))
    .sort((a, b) => compareVersions(a.version, b.version));
}

/** Names of the definitions of plain versions that a suite has, oldest first. */
export function definedFrom(suite: string, definitions: readonly KernelDefinition[]): string[] {
  return definitions
    .filter(({ sources }) => sources.some((source) => 'suite' in source && source.suite === suite))
    .flatMap(({ name }) => {
      const version = upstreamVersion(name);
      return version === name.replace('~', '-') ? [{ name, version }] : [];
    })
    .sort((a, b) => compareVersions(a.version, b.version))
    .map(({ name }) => name);
}

function versionOf(source: Source): string | null {
  switch (source.kind) {
    case 'apt-source':
    case 'apt-binary':
      return upstreamVersion(source.version);
    case 'git':
      return upstreamVersion(source.ref);
    default:
      return null;
  }
}

/** A definition of a version that has none, with every place that has it. */
export function definitionText({ version, offers, base }: AvailableKernel): string {
  const line = (source: Source) => {
    const words = Object.entries(source).filter(([, value]) => value !== null);
    return `  - {${words.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`;
  };
  return [
    `description: Linux ${version}`,
    ...(base === null ? [] : [`base: ${JSON.stringify(base)}`]),
    'build: on-demand',
    'sources:',
    ...offers.map(({ source }) => line(source)),
    '',
  ].join('\n');
}
