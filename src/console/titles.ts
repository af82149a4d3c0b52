// SPDX-License-Identifier: Apache-2.0
// Titles that are the same for the same bug, whatever its addresses, numbers and paths were this time.

import type { Format } from './table.js';
import { PASSING_FUNCTIONS } from './table.js';
import type { ComponentHint } from './types.js';

/** Numbers that kernels without CONFIG_SYMBOLIC_ERRNAME print where others print names. */
const ERRNOS: Readonly<Record<string, string>> = {
  '-1': '-EPERM',
  '-2': '-ENOENT',
  '-5': '-EIO',
  '-11': '-EAGAIN',
  '-12': '-ENOMEM',
  '-14': '-EFAULT',
  '-16': '-EBUSY',
  '-17': '-EEXIST',
  '-19': '-ENODEV',
  '-22': '-EINVAL',
  '-28': '-ENOSPC',
  '-34': '-ERANGE',
  '-61': '-ENODATA',
  '-75': '-EOVERFLOW',
  '-95': '-EOPNOTSUPP',
};

const MAX_TITLE = 160;

export function canonical(text: string): string {
  if (/^-\d+$/.test(text)) return ERRNOS[text] ?? text;
  return text
    .replace(/(?<=[\s[:]|^)-\d+\b/g, (number) => ERRNOS[number] ?? number)
    .replace(/(?<![\w/-])\/(?:[\w.@+-]+\/?)+/g, 'PATH')
    .replace(/\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+(?:\/0x[0-9a-f]+)?/g, '$1')
    .replace(/\b0x[0-9a-f]+\b/gi, 'ADDR')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, 'ADDR')
    .replace(/\bCPU ?[#:]? ?\d+/gi, 'CPU')
    .replace(/(?<![\w'.-])\d+(?![\w'])/g, 'N')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Compilers make several of one function: foo.isra.0, foo.constprop.2, foo.cold are all foo. */
function functionName(name: string): string {
  return name.replace(/\.(?:isra|constprop|part|cold|llvm)\b.*$/, '');
}

/** The function that a report is about: where the CPU stood, else the innermost sure frame. */
export function functionOf(report: readonly string[]): string | null {
  let jumped: string | null = null;
  for (const line of report) {
    const at = /RIP: 0010:(?:([\w.$]+)\+0x|(0x[0-9a-f]+))/.exec(line);
    if (at?.[1] !== undefined && !PASSING_FUNCTIONS.test(functionName(at[1]))) return functionName(at[1]);
    if (at?.[2] !== undefined) jumped = 'unknown code';
  }
  for (const line of report) {
    const frame = /^(?:\[[ \d.]+\](?:\[ *[TC]\d+\])?)? +([\w.$]+)\+0x[0-9a-f]+\/0x[0-9a-f]+/.exec(line);
    if (frame?.[1] !== undefined && !PASSING_FUNCTIONS.test(functionName(frame[1]))) return functionName(frame[1]);
  }
  return jumped;
}

/** Fills a format's title; {fn} is left to `completeTitle`, for the function comes later in the report. */
export function fillTitle(format: Format, match: RegExpExecArray): string {
  return format.title.replace(/\{(=?)(\d)\}/g, (_, exact: string, group: string) => {
    const capture = match[Number(group)] ?? '';
    return exact === '' ? canonical(functionName(capture)) : capture.slice(0, MAX_TITLE);
  });
}

export function completeTitle(title: string, report: readonly string[]): string {
  const name = title.includes('{fn}') ? functionOf(report) : null;
  const full = name === null ? title.replace(/ in \{fn\}$/, '') : title.replace('{fn}', name);
  return full.length > MAX_TITLE ? `${full.slice(0, MAX_TITLE - 1)}…` : full;
}

export function componentHint(format: Format, match: RegExpExecArray): ComponentHint | null {
  const { component } = format;
  if (component === undefined) return null;
  const wrote = component.wrote === undefined ? null : versionIn(match[component.wrote]);
  const reads = component.reads === undefined ? null : versionIn(match[component.reads]);
  const name = component.name ?? wrote?.name ?? reads?.name;
  if (name === undefined || name === '') return null;
  return { component: name, wrote: wrote?.version ?? null, reads: reads === null ? [] : [reads.version] };
}

function versionIn(text: string | undefined): { name: string; version: number } | null {
  const found = /^(?:([A-Za-z][\w-]{0,47}?)-v)?(\d{1,9})(?:;|$)/.exec(text ?? '');
  return found === null ? null : { name: found[1] ?? '', version: Number(found[2]) };
}
