// SPDX-License-Identifier: Apache-2.0
// Reads a matrix plan and checks it. Its problems look like those of scenarios.
import { basename, dirname, resolve } from 'node:path';
import type { HostRule } from '../model/scenario/host-use.js';
import { type Direction, DIRECTIONS, type Plan, type Selection, type TreeSpec } from '../model/scenario/plan.js';
import { glob, isGlob } from '../util/text/glob.js';
import { pathKind } from '../util/path-kind.js';
import { nearest } from '../util/text/nearest.js';
import { type Path, SourceDocument } from './source/document.js';
import { addIssues } from './source/issues.js';
import { readText } from './source/read-text.js';
import { treeKernels, treeKey, type TreeKernels, treeSpec } from './plan-trees.js';
import { type PlanInput, planSchema } from './schema/plan.js';
import { listed, ScenarioError, shown } from './source/problem.js';
import { Problems } from './source/problems.js';
import { refuse } from './validate/host-use.js';

export interface PlanOptions extends PlanKernels {
  /** The kernels of the git trees that the plan names; without it, they cannot be had. */
  trees?: TreeKernels | undefined;
  /** What the plan may use of this host; null or undefined if it is trusted. */
  rule?: HostRule | null | undefined;
}

export interface PlanKernels {
  /** Names for patterns, oldest first. */
  all: readonly string[];
  /** The names for `newest N`. */
  releases: readonly string[];
  /** The names for `newest N of SUITE`, oldest first; without it, no suite has any. */
  ofSuite?: (suite: string) => readonly string[];
  /** Defines the kernels of a git tree, and returns their names. Without it, plans can name no tree. */
  ofTree?: (tree: TreeSpec) => Promise<string[]>;
  /** Explains why there is no such kernel; null if there is one. */
  problem: (name: string) => string | null;
}

/** Reads and checks a plan. Throws a ScenarioError with all problems. */
export async function loadPlan(path: string, options: PlanOptions): Promise<Plan> {
  const text = await readText(path, 'plan');
  return parsePlan(text, path, { ...options, trees: await treeKernels(text, path, options) });
}

export function parsePlan(text: string, file: string, options: PlanOptions): Plan {
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  if (document.data === null || document.data === undefined) {
    throw new ScenarioError(
      [
        {
          file,
          line: 0,
          column: 0,
          message: 'the file is empty',
          hint: 'expected a plan: a mapping with kernels and scenarios',
        },
      ],
      text,
    );
  }
  const problems = new Problems(document);
  const result = planSchema.safeParse(document.data);
  if (!result.success) addIssues(result.error.issues, document.data, problems);
  const plan = result.success ? build(result.data, document, problems, options, text) : null;
  if (!problems.empty || plan === null) throw new ScenarioError(problems.sorted(), text);
  return plan;
}

function build(
  input: PlanInput,
  document: SourceDocument,
  problems: Problems,
  known: PlanOptions,
  source: string,
): Plan {
  const { file } = document;
  const beside = (path: string) => resolve(dirname(file), path);
  const { kernels, fromTrees } = planKernelsOf(input, file, problems, known);
  const words = Array.isArray(input.pairs) ? input.pairs : [input.pairs];
  const directions = DIRECTIONS.filter((each) => words.includes('all') || words.includes(each));
  const selections = input.scenarios.map((entry, index) => ({
    ...selectionOf(entry, index, input, document, problems, beside),
    kernels: Array.isArray(entry.kernels)
      ? pairsOf(kernelsOf(entry.kernels, ['scenarios', index, 'kernels'], problems, known), directions)
      : entry.kernels,
  }));
  const { rule } = known;
  for (const [index, { path, kind }] of selections.entries())
    if (rule) refuse(rule, { kind: 'plan-path', path, access: 'read' }, ['scenarios', index, kind], problems);
  for (const key of ['baseline', 'profile'] as const) {
    const value = input[key];
    const access = key === 'baseline' ? 'write' : 'read';
    if (rule && value !== undefined) refuse(rule, { kind: 'plan-path', path: beside(value), access }, [key], problems);
  }
  const fuzz = input.fuzz === undefined ? null : huntOf(input.fuzz, beside, problems, rule ?? null);
  const chains = [...pairsOf(kernels, directions), ...chainsOf(input, problems, known)];
  if (chains.length === 0 && problems.empty && selections.some((selection) => selection.kernels === 'plan')) {
    problems.add(
      ['scenarios'],
      'there is no pair of kernels for these scenarios',
      kernels.length === 0
        ? 'write kernels: [...], or kernels: own for the scenarios'
        : `${kernels.length} kernel with pairs: ${words.join(', ')} gives no pair`,
      'key',
    );
  }
  const existing = (key: 'profile' | 'baseline', value: string | undefined) =>
    value === undefined
      ? null
      : pathKind(beside(value)) === 'file' || key === 'baseline'
        ? beside(value)
        : (problems.add([key], `no such ${key}: ${shown(value)}`), null);
  return {
    name: input.name ?? basename(file).replace(/\.ya?ml$/, ''),
    description: input.description,
    kernels,
    fromTrees,
    chains: [...new Map(chains.map((chain) => [JSON.stringify(chain), chain])).values()],
    selections,
    excludes: input.exclude.map(({ scenario, from, to, tag }) => ({
      scenario: scenario ?? null,
      from: from ?? null,
      to: to ?? null,
      tag: tag ?? null,
    })),
    limits: {
      jobs: input.limits.jobs ?? null,
      memory: input.limits.memory ?? null,
      timeout: input.limits.timeout ?? null,
    },
    retries: input.retries,
    cold: input.cold,
    expect: input.expect,
    baseline: existing('baseline', input.baseline),
    profile: existing('profile', input.profile),
    fuzz,
    file,
    source,
  };
}

function huntOf(
  { plan, minutes }: NonNullable<PlanInput['fuzz']>,
  beside: (path: string) => string,
  problems: Problems,
  rule: HostRule | null,
): Plan['fuzz'] {
  const file = beside(plan);
  const path = ['fuzz', 'plan'];
  const isRefused = rule !== null && refuse(rule, { kind: 'plan-path', path: file, access: 'read' }, path, problems);
  if (!isRefused && pathKind(file) !== 'file')
    problems.add(path, `no such plan: ${shown(plan)}`, 'paths are relative to the plan');
  return { file, ms: minutes === undefined ? null : minutes * 60_000 };
}

/** Ordered by version, without duplicates. */
function kernelsOf(kernels: readonly string[], path: Path, problems: Problems, known: PlanOptions): string[] {
  const chosen = new Set(kernels.flatMap((word, index) => named(word, [...path, index], problems, known)));
  return byVersion(chosen, known);
}

/** What comes from git trees is taken for newer than all others, in the order of the plan. */
function planKernelsOf(
  { kernels }: PlanInput,
  file: string,
  problems: Problems,
  known: PlanOptions,
): Pick<Plan, 'kernels' | 'fromTrees'> {
  const others = new Set<string>();
  const ofTrees = new Set<string>();
  for (const [index, entry] of kernels.entries()) {
    const path: Path = ['kernels', index];
    if (typeof entry === 'string') for (const name of named(entry, path, problems, known)) others.add(name);
    else for (const name of ofTree(treeSpec(entry, file), path, problems, known)) ofTrees.add(name);
  }
  const fromTrees = [...ofTrees];
  const inOrder = byVersion(others, known).filter((name) => !ofTrees.has(name));
  return { kernels: [...inOrder, ...fromTrees], fromTrees };
}

function byVersion(chosen: ReadonlySet<string>, { all }: PlanOptions): string[] {
  const inOrder = all.filter((name) => chosen.has(name));
  return [...inOrder, ...[...chosen].filter((name) => !inOrder.includes(name))];
}

function ofTree(tree: TreeSpec, path: Path, problems: Problems, known: PlanOptions): readonly string[] {
  const { rule, trees } = known;
  const use = { kind: 'git-tree', path: tree.git } as const;
  if (rule && refuse(rule, use, [...path, 'git'], problems)) return [];
  const answer = trees?.get(treeKey(tree)) ?? { problem: 'no git tree can be used here', hint: null };
  if ('names' in answer) return answer.names;
  problems.add([...path, 'git'], answer.problem, answer.hint);
  return [];
}

function named(word: string, path: Path, problems: Problems, known: PlanOptions): string[] {
  const [newest, number, suite] = /^newest\s+(\S+)(?:\s+of\s+(\S+))?$/.exec(word) ?? [];
  if (newest !== undefined) {
    const releases = suite === undefined ? known.releases : (known.ofSuite?.(suite) ?? []);
    const count = Number(number);
    if (Number.isInteger(count) && count >= 1 && count <= releases.length) return releases.slice(-count);
    const of = suite === undefined ? '' : ` of ${shown(suite)}`;
    if (releases.length === 0) problems.add(path, `no definition has a source${of}`, 'lab images available');
    else
      problems.add(
        path,
        `expected newest N${of} with N from 1 to ${releases.length}, found ${shown(word)}`,
        `releases here: ${listed(releases)}`,
      );
    return [];
  }
  if (isGlob(word)) {
    const found = known.all.filter(glob(word, '-'));
    if (found.length === 0)
      problems.add(path, `no kernel matches ${shown(word)}`, `kernels here: ${listed(known.all)}`);
    return found;
  }
  if (known.rule && refuse(known.rule, { kind: 'kernel', name: word }, path, problems)) return [];
  const problem = known.problem(word);
  if (problem !== null) problems.add(path, problem);
  return problem === null ? [word] : [];
}

function pairsOf(kernels: readonly string[], directions: readonly Direction[]): string[][] {
  return kernels.flatMap((from, a) =>
    kernels.flatMap((to, b) =>
      directions.includes(a < b ? 'forward' : a > b ? 'rollback' : 'same') ? [[from, to]] : [],
    ),
  );
}

function chainsOf({ chains }: PlanInput, problems: Problems, known: PlanOptions): string[][] {
  for (const [index, chain] of chains.entries()) {
    for (const [at, name] of chain.entries()) {
      const path = ['chains', index, at];
      if (known.rule && refuse(known.rule, { kind: 'kernel', name }, path, problems)) continue;
      const problem = known.problem(name);
      if (problem !== null) problems.add(path, problem);
    }
  }
  return chains;
}

function selectionOf(
  entry: PlanInput['scenarios'][number],
  index: number,
  { repeats }: PlanInput,
  document: SourceDocument,
  problems: Problems,
  beside: (path: string) => string,
): Omit<Selection, 'kernels'> {
  const path: Path = ['scenarios', index];
  const kind = entry.file === undefined ? 'folder' : 'file';
  const where = entry.file ?? entry.folder;
  if ((entry.file === undefined) === (entry.folder === undefined))
    problems.add(path, `expected either file or folder, found ${where === undefined ? 'neither' : 'both'}`);
  else if (where !== undefined && pathKind(beside(where)) !== kind) {
    const near = nearest(where, entry.file === undefined ? ['..', '../mismatch', '../places', '../devices'] : []);
    problems.add(
      [...path, kind],
      `no such ${kind === 'file' ? 'scenario' : 'folder'}: ${shown(where)}`,
      near === null ? 'paths are relative to the plan' : `did you mean "${near}"?`,
    );
  }
  return {
    path: beside(where ?? ''),
    kind,
    tags: entry.tags,
    without: entry.without,
    repeats: entry.repeats ?? repeats,
    line: document.place(path).line,
  };
}
