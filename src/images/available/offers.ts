// SPDX-License-Identifier: Apache-2.0
// Asks for kernel versions: suites of Debian, the tags of a git tree, and the tarballs in a folder.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { type KernelDefinition, knownDefinitions, readDefinition } from '../definition/definition.js';
import { ensureTools, programPath } from '../requirements.js';
import { kernelSources } from '../source/apt.js';
import {
  type AvailableKernel,
  availableKernels,
  compareVersions,
  definedFrom,
  type Offer,
  upstreamVersion,
} from './versions.js';

export interface Places {
  /** Suites besides those that definitions name. */
  suites: readonly string[];
  git: string | null;
  folder: string | null;
}

export interface Available {
  kernels: AvailableKernel[];
  /** Places that could not be asked, and why. */
  problems: string[];
}

/** A tarball of a kernel: linux-7.3.4.tar.xz. */
const TARBALL = /^linux-(\d.*)\.tar(?:\.(?:xz|gz|zst|bz2))?$/;
/** Tags of a tree that are listed, newest first. */
const MAX_TAGS = 200;

/** The versions from the oldest definition on. A place that does not answer is named, and the others count. */
export async function listAvailable(places: Places, context: ImageContext): Promise<Available> {
  const work = openWorkspace(context);
  const definitions = readableDefinitions();
  const suites = [...new Set([...definitions.flatMap(suitesOf), ...places.suites])];
  const problems: string[] = [];
  const offers: Offer[] = [];
  const ask = async (where: string, answer: () => Promise<Offer[]>) => {
    try {
      offers.push(...(await answer()));
    } catch (error) {
      work.signal.throwIfAborted();
      if (!(error instanceof LabError) || error instanceof UsageError) throw error;
      problems.push(`${where}: ${messageOf(error)}`);
    }
  };
  if (suites.length > 0) await ensureTools(['fetch'], work);
  for (const suite of suites) await ask(suite, () => ofSuite(suite, work));
  const { git, folder } = places;
  if (git !== null) await ask(git, () => ofTree(resolve(git), work));
  if (folder !== null) await ask(folder, () => Promise.resolve(ofFolder(resolve(folder))));
  const all = availableKernels(offers, definitions);
  const [oldest] = all.filter(({ definition }) => definition !== null);
  const from = oldest === undefined ? all : all.filter(({ version }) => compareVersions(version, oldest.version) >= 0);
  return { kernels: from, problems };
}

/** Names of the definitions of plain versions that a suite has, oldest first. Asks nobody. */
export function kernelsOfSuite(suite: string): string[] {
  return definedFrom(suite, readableDefinitions());
}

/** A definition that cannot be read is shown by `lab images list`. */
export function readableDefinitions(): KernelDefinition[] {
  return [...knownDefinitions().values()].flatMap((file) => {
    try {
      return [readDefinition(file)];
    } catch (error) {
      if (error instanceof LabError) return [];
      throw error;
    }
  });
}

function suitesOf({ sources }: KernelDefinition): string[] {
  return sources.flatMap((source) => ('suite' in source ? [source.suite] : []));
}

async function ofSuite(suite: string, work: Workspace): Promise<Offer[]> {
  return (await kernelSources(suite, work)).flatMap((source): Offer[] => {
    const version = upstreamVersion(source.version);
    return version === null ? [] : [{ version, where: suite, source }];
  });
}

async function ofTree(path: string, work: Workspace): Promise<Offer[]> {
  await ensureTools(['git'], work);
  const { stdout } = await mustRun(
    ['git', '-C', path, 'tag', '--list', '--sort=-version:refname', 'v[0-9]*'],
    `cannot read the tags of ${path}`,
    { signal: work.signal, env: { PATH: programPath(), LC_ALL: 'C', HOME: process.env['HOME'] } },
  );
  return stdout
    .split('\n')
    .slice(0, MAX_TAGS)
    .flatMap((ref): Offer[] => {
      const version = upstreamVersion(ref);
      return version === null ? [] : [{ version, where: path, source: { kind: 'git', path, ref } }];
    });
}

function ofFolder(path: string): Offer[] {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (cause) {
    throw new LabError(`cannot read the folder: ${messageOf(cause)}`, { cause });
  }
  return names.flatMap((name): Offer[] => {
    const version = upstreamVersion(TARBALL.exec(name)?.[1] ?? '');
    const source = { kind: 'tarball', path: join(path, name), sha256: null } as const;
    return version === null ? [] : [{ version, where: path, source }];
  });
}
