// SPDX-License-Identifier: Apache-2.0
// The small variant of a kernel, for scenarios without guests and devices: the same source and patches, and fewer
// options. It is built in the same tree as the full kernel, so that the full one needs only what is missing.
import type { KernelDefinition } from './definition.js';

/** Ends the names of small variants, in messages and in the cache. */
const SUFFIX = '-core';

export function coreName(name: string): string {
  return `${name}${SUFFIX}`;
}

/** The small variant; null if the definition has none. */
export function coreOf(definition: KernelDefinition): KernelDefinition | null {
  if (definition.core.length === 0 || definition.prebuilt !== null) return null;
  return {
    ...definition,
    name: coreName(definition.name),
    config: [...definition.config, ...definition.core],
    core: [],
    steps: null,
  };
}

/** The kernel of a definition, and its small variant if it has one. */
export function variantsOf(definition: KernelDefinition): KernelDefinition[] {
  const core = coreOf(definition);
  return core === null ? [definition] : [definition, core];
}
