// SPDX-License-Identifier: Apache-2.0
// The names of kernels in the cache: digests of everything that a kernel is made of.
import { keyOf } from '../cache/cache.js';
import { RULES } from '../config/built-in.js';
import { configDigest } from '../config/starting-config.js';
import type { KernelDefinition } from '../definition/definition.js';
import { fileDigest, overlayDigests } from './tree.js';

/** Increased when the same inputs would give another kernel. */
const RECIPE = 2;

/** Key of everything that makes a kernel, except the compiler. */
export function inputsOf(definition: KernelDefinition, sourceId: string): string {
  return keyOf(['kernel', RECIPE, sourceId, ...filesOf(definition)]);
}

/** Key of a kernel: the folder's name in the cache. */
export const keyWith = (inputs: string, compiler: string) => keyOf([inputs, compiler]);

/**
 * Key of a definition, for hosts that have not fetched the source yet: the sources as they are written, and the content
 * of the other files.
 */
export function definitionKey(definition: KernelDefinition): string {
  return keyOf(['definition', RECIPE, definition.sources, ...filesOf(definition)]);
}

function filesOf({ configOf, config, patches, overlay }: KernelDefinition): unknown[] {
  const files = [config.map(fileDigest), patches.map(fileDigest), overlay.map(overlayDigests)];
  return configOf === null ? files : [...files, ['configOf', RULES, configDigest(configOf)]];
}
