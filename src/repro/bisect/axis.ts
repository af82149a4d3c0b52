// SPDX-License-Identifier: Apache-2.0
// What is bisected over: points in order from good to bad, each a kernel that can be named. What makes a kernel of a
// point is written down as a definition of its own, which is built like any other.
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { readDefinition, resolveKernel } from '../../images/index.js';
import { readFragment } from '../../images/build/fragment.js';
import { writeWhole } from '../../store/write-whole.js';
import { mustRun } from '../../util/process/command.js';
import { UsageError } from '../../util/errors.js';

export interface Axis {
  /** What each point has that the one before does not; the first is the good end. */
  points: string[];
  /** The kernel of a point, as a scenario names it. */
  kernel: (index: number) => string;
}

/** Kernels in order, each by name. */
export function overKernels(order: readonly string[], good: string, bad: string): Axis {
  const [from, to] = [good, bad].map((name) => {
    const at = order.indexOf(name);
    if (at < 0)
      throw new UsageError(`${name} is none of the kernels to bisect over: ${order.join(', ')}`, {
        hint: '--kernels A,B,C names them in order',
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
  /** Kernel whose definition gives all but the source. */
  base: string;
  /** Only commits that touch these; all without any. */
  paths: readonly string[];
  /** Where definitions are written. */
  folder: string;
  signal: AbortSignal;
}

/** Commits of a git tree, along first parents. */
export async function overCommits({ tree, good, bad, base, paths, folder, signal }: CommitsOptions): Promise<Axis> {
  const git = async (what: string, ...argv: string[]) =>
    (await mustRun(['git', '-C', tree, ...argv], what, { signal })).stdout.trim();
  const commit = (ref: string) =>
    git(`no commit ${ref} in ${tree}`, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
  const [first, last] = [await commit(good), await commit(bad)];
  if ((await git('cannot compare the commits', 'merge-base', first, last).catch(() => '')) !== first) {
    throw new UsageError(`${good} is no ancestor of ${bad}`, {
      hint: 'good comes first; for a change that mended something, name what is wrong as the failure and swap nothing',
    });
  }
  const said = await git(
    'cannot list the commits',
    'log',
    '--reverse',
    '--first-parent',
    '--format=%H %s',
    `${first}..${last}`,
    '--',
    ...paths,
  );
  const commits = [`${first} (good)`, ...said.split('\n').filter((line) => line !== '')];
  // The last may touch none of the paths, and still is where it fails.
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

/**
 * What a variant has more than the kernel that it is made of: overlays, patches, fragments of the configuration, in
 * this order.
 */
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
  if (changes.length === 0) throw new UsageError(`${bad} has nothing that ${good} has not`);
  if (gone.length > 0)
    throw new UsageError(
      `${good} has what ${bad} has not: ${gone.map(({ key, path }) => `${key} ${basename(path)}`).join(', ')}`,
      { hint: 'name as --good what --bad is made of' },
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

/** Options that two kernels of one source ask for differently, one after the other. */
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
  // What only the good one asks for is not set in the other. An option stands behind those that it needs, so what goes
  // away does so from behind.
  const value = (name: string) => has.get(name) ?? 'n';
  const differ = [...new Set([...had.keys(), ...has.keys()])].filter((name) => (had.get(name) ?? 'n') !== value(name));
  const changes = [
    ...differ.filter((name) => value(name) === 'n').reverse(),
    ...differ.filter((name) => value(name) !== 'n'),
  ].map((name) => `${name}=${value(name)}`);
  if (changes.length === 0) throw new UsageError(`${good} and ${bad} ask for the same configuration`);
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
    throw new UsageError(`${name} is ready-made: there is nothing in it to bisect over`);
  return resolved.definition;
}

function define(folder: string, name: string, definition: object): string {
  const file = join(folder, `${name}.yaml`);
  writeWhole(file, stringify(definition));
  return file;
}
