// SPDX-License-Identifier: Apache-2.0
// The points of a bisection, in order from good to bad. Each point is a kernel. If the kernel has no definition yet,
// one is written, and built like any other.
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { readDefinition, resolveKernel } from '../../images/index.js';
import { readFragment } from '../../images/build/fragment.js';
import { writeWhole } from '../../store/write-whole.js';
import { mustRun } from '../../util/process/command.js';
import { UsageError } from '../../util/errors.js';

export interface Axis {
  /** Text of each point: what it adds to the one before. The first is the good end. */
  points: string[];
  /** The kernel of a point: a name or path for a scenario. */
  kernel: (index: number) => string;
}

/** Bisects over kernels, given by name and in order. */
export function overKernels(order: readonly string[], good: string, bad: string): Axis {
  const [from, to] = [good, bad].map((name) => {
    const at = order.indexOf(name);
    if (at < 0)
      throw new UsageError(`${name} is not one of the kernels to bisect over: ${order.join(', ')}`, {
        hint: '--kernels A,B,C lists them in order',
      });
    return at;
  }) as [number, number];
  const points = from <= to ? order.slice(from, to + 1) : order.slice(to, from + 1).reverse();
  return { points, kernel: (index) => points[index] as string };
}

export interface CommitsOptions {
  tree: string;
  good: string;
  bad: string;
  /** The kernel whose definition gives everything but the source. */
  base: string;
  /** Only commits that touch these paths; empty for all commits. */
  paths: readonly string[];
  /** The folder for the definitions. */
  folder: string;
  signal: AbortSignal;
}

/** Bisects over the commits of a git tree, along first parents. */
export async function overCommits({ tree, good, bad, base, paths, folder, signal }: CommitsOptions): Promise<Axis> {
  const git = async (what: string, ...argv: string[]) =>
    (await mustRun(['git', '-C', tree, ...argv], what, { signal })).stdout.trim();
  const commit = (ref: string) =>
    git(`no commit ${ref} in ${tree}`, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
  const [first, last] = [await commit(good), await commit(bad)];
  if ((await git('cannot compare the commits', 'merge-base', first, last).catch(() => '')) !== first) {
    throw new UsageError(`${good} is not an ancestor of ${bad}`, {
      hint:
        'the good commit must come first; ' +
        'to find a change that fixed something, use a scenario that fails with the fix',
    });
  }
  const log = await git(
    'cannot list the commits',
    'log',
    '--reverse',
    '--first-parent',
    '--format=%H %s',
    `${first}..${last}`,
    '--',
    ...paths,
  );
  const commits = [`${first} (good)`, ...log.split('\n').filter((line) => line !== '')];
  // The bad end stays a point even if it touches none of the paths.
  if (!commits.at(-1)?.startsWith(last)) commits.push(`${last} (bad)`);
  const ids = commits.map((line) => line.slice(0, 40));
  return {
    points: commits.map((line) => `${line.slice(0, 12)} ${line.slice(41)}`),
    kernel: (index) =>
      define(folder, `commit-${(ids[index] as string).slice(0, 12)}`, {
        base,
        sources: [{ kind: 'git', path: tree, ref: ids[index] }],
      }),
  };
}

/** Bisects over what a variant adds to its base kernel: overlays, patches, configuration fragments, in this order. */
export function overChanges(good: string, bad: string, folder: string): Axis {
  const [base, variant] = [good, bad].map(definitionOf) as [
    ReturnType<typeof definitionOf>,
    ReturnType<typeof definitionOf>,
  ];
  if (JSON.stringify(base.sources) !== JSON.stringify(variant.sources))
    throw new UsageError(`${good} and ${bad} have different sources`, {
      hint: '--tree bisects over commits, --over kernels over kernels',
    });
  const parts = ['overlay', 'patches', 'config'] as const;
  const more = (of: typeof base, than: typeof base) =>
    parts.flatMap((key) => of[key].filter((path) => !than[key].includes(path)).map((path) => ({ key, path })));
  const [changes, gone] = [more(variant, base), more(base, variant)];
  if (changes.length === 0) throw new UsageError(`${bad} adds nothing to ${good}`);
  if (gone.length > 0)
    throw new UsageError(
      `${good} has parts that ${bad} lacks: ${gone.map(({ key, path }) => `${key} ${basename(path)}`).join(', ')}`,
      { hint: 'as --good, name the kernel that --bad is based on' },
    );
  return {
    points: [good, ...changes.map(({ key, path }) => `${key} ${basename(path)}`)],
    kernel: (index) =>
      index === 0
        ? good
        : define(folder, `${variant.name}-first-${index}`, {
            base: base.file,
            ...Object.fromEntries(
              parts.map((key) => [
                key,
                changes
                  .slice(0, index)
                  .filter((change) => change.key === key)
                  .map(({ path }) => path),
              ]),
            ),
          }),
  };
}

/** Bisects over the configuration options that differ between two kernels of one source. */
export function overOptions(good: string, bad: string, folder: string): Axis {
  const [base, other] = [good, bad].map(definitionOf) as [
    ReturnType<typeof definitionOf>,
    ReturnType<typeof definitionOf>,
  ];
  const same = (key: 'sources' | 'patches' | 'overlay') => JSON.stringify(base[key]) === JSON.stringify(other[key]);
  if (!same('sources') || !same('patches') || !same('overlay'))
    throw new UsageError(`${good} and ${bad} differ in more than their configuration`, { hint: '--over changes' });
  const [had, has] = [base, other].map(
    ({ config }) =>
      new Map(config.flatMap((path) => readFragment(path).options).map(({ name, value }) => [name, value])),
  ) as [Map<string, string>, Map<string, string>];
  // An option that only the good kernel sets becomes `n`. Options come after those that they depend on, so options that
  // are turned off are turned off in reverse order.
  const value = (name: string) => has.get(name) ?? 'n';
  const differ = [...new Set([...had.keys(), ...has.keys()])].filter((name) => (had.get(name) ?? 'n') !== value(name));
  const changes = [
    ...differ.filter((name) => value(name) === 'n').reverse(),
    ...differ.filter((name) => value(name) !== 'n'),
  ].map((name) => `${name}=${value(name)}`);
  if (changes.length === 0) throw new UsageError(`${good} and ${bad} have the same configuration`);
  return {
    points: [good, ...changes],
    kernel: (index) => {
      if (index === 0) return good;
      if (index === changes.length) return bad;
      const fragment = join(folder, `first-${index}.config`);
      writeWhole(fragment, `${changes.slice(0, index).join('\n')}\n`);
      return define(folder, `options-first-${index}`, { base: base.file, config: [fragment] });
    },
  };
}

function definitionOf(name: string): ReturnType<typeof readDefinition> {
  const resolved = resolveKernel(name);
  if (resolved.kind === 'files' || resolved.definition.prebuilt !== null)
    throw new UsageError(`${name} is a ready-made kernel, so there is nothing to bisect over`);
  return resolved.definition;
}

function define(folder: string, name: string, definition: object): string {
  const file = join(folder, `${name}.yaml`);
  writeWhole(file, stringify(definition));
  return file;
}
