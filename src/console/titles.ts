// SPDX-License-Identifier: Apache-2.0
// Titles: the same bug gets the same one, whatever its addresses, numbers and paths are this time.

import type { Format } from './pattern.js';
import { INCIDENTAL_FUNCTIONS } from './report-lines.js';
import type { ComponentHint } from './types.js';

/** Kernels without CONFIG_SYMBOLIC_ERRNAME print numbers; others print names. */
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

/** Removes the suffix of compiler-made copies: foo.isra.0, foo.constprop.2 and foo.cold are all foo. */
function functionName(name: string): string {
  return name.replace(/\.(?:isra|constprop|part|cold|llvm)\b.*$/, '');
}

/** The function that a report is about: the one at RIP, otherwise the innermost reliable stack frame. */
export function functionOf(report: readonly string[]): string | null {
  let unknownCode: string | null = null;
  for (const line of report) {
    const rip = /RIP: 0010:(?:([\w.$]+)\+0x|(0x[0-9a-f]+))/.exec(line);
    if (rip?.[1] !== undefined && !INCIDENTAL_FUNCTIONS.test(functionName(rip[1]))) return functionName(rip[1]);
    if (rip?.[2] !== undefined) unknownCode = 'unknown code';
  }
  for (const line of report) {
    const frame = /^(?:\[[ \d.]+\](?:\[ *[TC]\d+\])?)? +([\w.$]+)\+0x[0-9a-f]+\/0x[0-9a-f]+/.exec(line);
    if (frame?.[1] !== undefined && !INCIDENTAL_FUNCTIONS.test(functionName(frame[1]))) return functionName(frame[1]);
  }
  return unknownCode;
}

/** Fills the captures into a title. `completeTitle` fills {fn}, because the function comes later in the report. */
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
  const match = /^(?:([A-Za-z][\w-]{0,47}?)-v)?(\d{1,9})(?:;|$)/.exec(text ?? '');
  return match === null ? null : { name: match[1] ?? '', version: Number(match[2]) };
}
