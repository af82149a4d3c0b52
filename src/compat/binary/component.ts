// SPDX-License-Identifier: Apache-2.0
// Reads components in the notations of kernels. Versions are integers and are compared as integers.

import type { Component } from '../../model/kernel/component.js';

/** A handover names a handful of components; thousands do not come from a kernel. */
const MAX_COMPONENTS = 256;
/** Maximum length of the text. */
const MAX_TEXT = 64 * 1024;
/** Kernels store these strings in fields of 48 bytes. */
const MAX_NAME = 47;
const NAME = /^[a-z][a-z0-9]*(?:[-_,.][a-z0-9]+)*$/i;
const VERSIONED = /^(.+)-v(0|[1-9]\d{0,8})$/;
/** `name version`, `name: version`, `name=version`, for components whose version is a plain number (kexec-metadata). */
const NUMBERED = /^(\S+?)(?:\s*[:=]\s*|\s+)v?(0|[1-9]\d{0,8})$/;

export class ComponentError extends Error {
  override readonly name = 'ComponentError';
}

/** Like parseComponent, but empty if the text is not a component. */
export function componentsIn(text: string): Component[] {
  try {
    return parseComponent(text);
  } catch (error) {
    if (error instanceof ComponentError) return [];
    throw error;
  }
}

/**
 * One or more components: `kho-v4`, `kho-v4;vmalloc-v1;radix-v1`, a NUL-separated FDT list (`object-v2`, `object`),
 * `kexec-metadata 1`.
 */
export function parseComponent(text: string): Component[] {
  if (text.length > MAX_TEXT) throw new ComponentError(`component text of ${text.length} characters is too long`);
  const parsed: Component[] = [];
  for (const part of text.split(/[\0;\n]/)) {
    const word = part.trim();
    // A `compatible` list ends with a general name, which adds nothing to the versions before it.
    if (word === '' || parsed.some(({ name }) => name === word)) continue;
    if (parsed.length >= MAX_COMPONENTS) throw new ComponentError(`more than ${MAX_COMPONENTS} components`);
    const component = parseOne(word);
    if (!parsed.some((known) => sameComponent(known, component))) parsed.push(component);
  }
  if (parsed.length === 0) throw new ComponentError('no component in an empty text');
  return parsed;
}

function parseOne(word: string): Component {
  const match = VERSIONED.exec(word) ?? NUMBERED.exec(word);
  const name = match?.[1] ?? '';
  if (match === null || name.length > MAX_NAME || !NAME.test(name)) {
    throw new ComponentError(`'${printable(word)}' is not a component: expected NAME-vN, with N an integer`);
  }
  return { name, version: Number(match[2]) };
}

function printable(word: string): string {
  const safe = word.replace(/[^\x20-\x7e]/g, '?');
  return safe.length > 60 ? `${safe.slice(0, 57)}...` : safe;
}

export function sameComponent(a: Component, b: Component): boolean {
  return a.name === b.name && a.version === b.version;
}

export function formatComponent(component: Component): string {
  return `${component.name}-v${component.version}`;
}

/** The versions of a component, newest first. */
export function versionsOf(components: readonly Component[], name: string): number[] {
  return [...new Set(components.filter((component) => component.name === name).map(({ version }) => version))].sort(
    (a, b) => b - a,
  );
}
