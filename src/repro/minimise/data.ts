// SPDX-License-Identifier: Apache-2.0
// A scenario as plain data, as written in its YAML. Every change makes a copy.
import { stringify } from 'yaml';

export type Data = Record<string, unknown>;
export type Path = readonly (string | number)[];

/** Equal scenarios have equal text. */
export function textOf(data: Data): string {
  return stringify(data, { lineWidth: 160, aliasDuplicateObjects: false });
}

export function at(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    data,
  );
}

/** A copy in which `path` is `value`. Undefined removes the key, and then mappings that have become empty. */
export function withValue(data: Data, path: Path, value: unknown): Data {
  const copy = structuredClone(data);
  put(copy, path, value);
  return copy;
}

function put(data: unknown, path: Path, value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  const holder = data as Record<string | number, unknown>;
  if (rest.length === 0) {
    if (value === undefined) delete holder[key];
    else holder[key] = value;
    return;
  }
  if (value !== undefined && holder[key] === undefined) holder[key] = {};
  if (holder[key] === undefined) return;
  put(holder[key], rest, value);
  const inner = holder[key];
  if (value === undefined && !Array.isArray(inner) && Object.keys(inner as object).length === 0) delete holder[key];
}

/** The paths that match a pattern. `*` is each entry of a list or key of a mapping. The last key need not exist. */
export function pathsOf(data: unknown, pattern: string): Path[] {
  let found: Path[] = [[]];
  const keys = pattern.split('.');
  for (const [depth, key] of keys.entries()) {
    found = found.flatMap((path) => {
      const value = at(data, path);
      if (typeof value !== 'object' || value === null) return [];
      if (key !== '*') return depth === keys.length - 1 || (value as Data)[key] !== undefined ? [[...path, key]] : [];
      return Array.isArray(value)
        ? value.map((_, index) => [...path, index])
        : Object.keys(value).map((name) => [...path, name]);
    });
  }
  return found;
}

/** All texts in a value. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
