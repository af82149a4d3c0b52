// SPDX-License-Identifier: Apache-2.0
// Reads versions from the source of a kernel: `#define KHO_FDT_COMPATIBLE "kho-v4"`, also if it is made of other
// defines. The version may also be a number of its own, which the kernel stores in the component's structure:
// `PCI_LUO_FLB_COMPATIBLE "pci"` and `PCI_LUO_FLB_VERSION 2` are pci in version 2.
import type { Component } from '../../model/kernel/component.js';
import { ComponentError, parseComponent, sameComponent } from './component.js';

const DEFINE = /^[ \t]*#[ \t]*define[ \t]+(\w+)(\(?)[ \t]*((?:[^\\\n]|\\.|\\\n)*)/gm;
const COMPATIBLE = /_COMPAT(?:IBLE)?$/;
/** A plain number as version: KHO_KEXEC_METADATA_VERSION. */
const NUMBER = /^KHO_(\w+)_VERSION$/;
const PLAIN_NAME = /^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$/i;
const PLAIN_NUMBER = /^\(?(0x[0-9a-f]{1,8}|\d{1,9})[ul]{0,3}\)?$/i;
const DEEPEST = 8;
const MAX_TEXT = 4096;
/** Versions have at most nine digits. */
const MAX_NUMBER = 999_999_999;

export interface DefinedVersions {
  components: Component[];
  /** Defines that look like versions but could not be read. */
  problems: string[];
}

/** All defines of some files, by name. Those with parameters are left out, because their value depends on the use. */
export function collectDefines(text: string, into: Map<string, string> = new Map()): Map<string, string> {
  for (const [, name = '', parameters, value = ''] of text.matchAll(DEFINE)) {
    if (parameters === '')
      into.set(
        name,
        value
          .replaceAll('\\\n', ' ')
          .replace(/\/\*.*?\*\/|\/\/.*$/g, ' ')
          .trim(),
      );
  }
  return into;
}

export function versionsFromDefines(defines: ReadonlyMap<string, string>): DefinedVersions {
  const components: Component[] = [];
  const problems: string[] = [];
  for (const name of defines.keys()) {
    const text = versionText(name, defines);
    if (text === null) continue;
    try {
      for (const component of parseComponent(text))
        if (!components.some((known) => sameComponent(known, component))) components.push(component);
    } catch (error) {
      if (!(error instanceof ComponentError)) throw error;
      problems.push(`${name}: ${error.message}`);
    }
  }
  return {
    components: components.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version)),
    problems,
  };
}

function versionText(name: string, defines: ReadonlyMap<string, string>): string | null {
  if (COMPATIBLE.test(name)) {
    const text = stringOf(name, defines, 0);
    const number = numberOf(name.replace(COMPATIBLE, '_VERSION'), defines);
    const isNumbered = text !== null && number !== null && PLAIN_NAME.test(text) && !/-v\d+$/.test(text);
    return isNumbered ? `${text} ${number}` : text;
  }
  const numbered = NUMBER.exec(name);
  const value = defines.get(name) ?? '';
  return numbered?.[1] !== undefined && /^\d+$/.test(value)
    ? `${numbered[1].toLowerCase().replaceAll('_', '-')} ${value}`
    : null;
}

/** The value of a define that is a plain number, or the name of one; null for anything else. */
function numberOf(name: string, defines: ReadonlyMap<string, string>, depth = 0): number | null {
  const value = defines.get(name);
  if (value === undefined || depth > DEEPEST) return null;
  if (/^[A-Za-z_]\w*$/.test(value)) return numberOf(value, defines, depth + 1);
  const number = Number(PLAIN_NUMBER.exec(value)?.[1] ?? NaN);
  return Number.isSafeInteger(number) && number <= MAX_NUMBER ? number : null;
}

/** Joins strings and names of strings; null for anything else. */
function stringOf(name: string, defines: ReadonlyMap<string, string>, depth: number): string | null {
  const value = defines.get(name);
  if (value === undefined || value === '' || depth > DEEPEST) return null;
  let text = '';
  for (const [token] of value.matchAll(/"(?:[^"\\]|\\.)*"|\w+|\S/g)) {
    const part = token.startsWith('"')
      ? token.slice(1, -1).replaceAll('\\0', '\0')
      : /^[A-Za-z_]/.test(token)
        ? stringOf(token, defines, depth + 1)
        : null;
    if (part === null || text.length + part.length > MAX_TEXT) return null;
    text += part;
  }
  return text;
}
