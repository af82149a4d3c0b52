// SPDX-License-Identifier: Apache-2.0
// How the kernels of a run were built. With this a missing kernel can be rebuilt and checked, or its difference named.
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { KernelRecipe } from '../../images/index.js';
import { LabError } from '../../util/errors.js';

const RECIPES = 'recipe.json';
const MAX_BYTES = 4 << 20;
const text = z.string().max(4096);
const file = z.strictObject({ name: text, sha256: z.string().regex(/^[0-9a-f]{32,64}$/) });
const recipeSchema = z.strictObject({
  name: text,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  release: text.nullable(),
  built: z.strictObject({ source: text, sourceId: text, inputs: text, compiler: text }).nullable(),
  config: z.array(file).max(256),
  patches: z.array(file).max(256),
  overlay: z.array(file).max(256),
}) satisfies z.ZodType<KernelRecipe>;
const recipesSchema = z.strictObject({ schema: z.literal(1), kernels: z.array(recipeSchema).max(64) });

/**
 * The recipes that a run recorded, by kernel name; runs of older labs have none. Throws a LabError for a damaged file.
 */
export function recipesOf(folder: string): Map<string, KernelRecipe> {
  const path = `${folder}/${RECIPES}`;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return new Map();
  try {
    if (stat.size > MAX_BYTES) throw new Error(`it has ${stat.size} bytes`);
    return new Map(
      recipesSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).kernels.map((recipe) => [recipe.name, recipe]),
    );
  } catch (error) {
    throw new LabError(`${path} is damaged: ${String((error as Error).message).slice(0, 300)}`);
  }
}

/** What differs between the build of the run and the build of this host, one text for each difference. */
export function recipeDifferences(then: KernelRecipe, now: KernelRecipe): string[] {
  const differences: string[] = [];
  if (then.built !== null && now.built !== null) {
    if (then.built.compiler !== now.built.compiler)
      differences.push(`compiler: ${then.built.compiler} then, ${now.built.compiler} here`);
    if (then.built.sourceId !== now.built.sourceId)
      differences.push(`source: ${then.built.source} then, ${now.built.source} here (different content)`);
    else if (then.built.inputs === now.built.inputs && differences.length === 0)
      differences.push('both are built from the same inputs');
  }
  for (const key of ['config', 'patches', 'overlay'] as const) {
    const [before, after] = [
      new Map(then[key].map((each) => [each.name, each.sha256])),
      new Map(now[key].map((each) => [each.name, each.sha256])),
    ];
    for (const [name, sha256] of before) {
      if (!after.has(name)) differences.push(`${key}: ${name} was used then, not here`);
      else if (after.get(name) !== sha256) differences.push(`${key}: ${name} has changed`);
    }
    for (const name of after.keys()) if (!before.has(name)) differences.push(`${key}: ${name} is used here, not then`);
  }
  return differences;
}
