// SPDX-License-Identifier: Apache-2.0
// The git trees that a plan names. What their refs are is asked before the plan is checked, and only for a plan that
// is trusted.
import { dirname, resolve } from 'node:path';
import type { HostRule } from '../model/scenario/host-use.js';
import type { TreeSpec } from '../model/scenario/plan.js';
import { LabError, messageOf } from '../util/errors.js';
import { planSchema, type TreeInput } from './schema/plan.js';
import { SourceDocument } from './source/document.js';

/** The names of a tree's kernels, or why there are none. */
export type TreeAnswer = { names: readonly string[] } | { problem: string; hint: string | null };
/** By `treeKey`. */
export type TreeKernels = ReadonlyMap<string, TreeAnswer>;

export const treeKey = (tree: TreeSpec): string => JSON.stringify([tree.git, tree.refs, tree.name, tree.base]);

/** @param file path of the plan */
export function treeSpec({ git, refs, name, base }: TreeInput, file: string): TreeSpec {
  return { git: resolve(dirname(file), git), refs, name: name ?? null, base: base ?? null };
}

/** Asks the trees. What is wrong with the plan itself, `parsePlan` says. */
export async function treeKernels(
  text: string,
  file: string,
  { rule, ofTree }: { rule?: HostRule | null | undefined; ofTree?: (tree: TreeSpec) => Promise<string[]> },
): Promise<TreeKernels> {
  const answers = new Map<string, TreeAnswer>();
  if (ofTree === undefined || rule) return answers;
  const input = planSchema.safeParse(new SourceDocument(text, file).data);
  for (const entry of input.success ? input.data.kernels : []) {
    if (typeof entry === 'string') continue;
    const tree = treeSpec(entry, file);
    answers.set(treeKey(tree), await answerOf(ofTree(tree)));
  }
  return answers;
}

async function answerOf(names: Promise<string[]>): Promise<TreeAnswer> {
  try {
    return { names: await names };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { problem: messageOf(error), hint: error.hint };
  }
}
