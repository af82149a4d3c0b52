// SPDX-License-Identifier: Apache-2.0
// Where a kernel failed, in one line of a bug report.
import type { Explanation, Frame } from '../../model/result/explanation.js';

/** What prints a report, or stops the kernel on behalf of its caller. */
const HELPERS = new RegExp(
  `^(?:${[
    '_?dump_stack(?:_lvl)?|show_stack|show_regs|print_\\w+',
    'v?panic|check_panic_on_warn|(?:__)?die\\w*|oops_\\w+|page_fault_oops|no_context',
    '(?:asm_)?exc_\\w+|handle_bug|report_bug|__warn\\w*|warn_slowpath\\w*',
    '_*k?asan_\\w+|_*ubsan_\\w+|end_report\\w*',
  ].join('|')})$`,
);

/** Null if the console showed neither a stack nor a check. */
export function whereText({ check, trace }: Explanation): string | null {
  const frame = trace.frames.find(({ unsure, function: name }) => !unsure && !HELPERS.test(base(name)));
  const parts = [
    ...(frame === undefined ? [] : [frameText(frame)]),
    ...(check === null ? [] : [checkText(check)]),
    // The command that would name the line.
    ...(frame !== undefined && frame.lines.length === 0 && trace.why !== null ? [`(${trace.why})`] : []),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}

/** Without what the compiler adds to the name of a part of a function. */
const base = (name: string) => name.replace(/\..*$/, '');

function frameText({ function: name, offset, lines }: Frame): string {
  const [line, ...callers] = lines;
  const inlined = callers.at(-1) === undefined ? '' : ` (inlined, called from ${callers.at(-1) ?? ''})`;
  return `${name}+0x${offset.toString(16)}${line === undefined ? '' : ` at ${line}${inlined}`}`;
}

function checkText({ function: name, refuses, source }: NonNullable<Explanation['check']>): string {
  return `${name}() refuses ${refuses}${source === null ? '' : ` at ${source.file}:${source.line}`}`;
}
