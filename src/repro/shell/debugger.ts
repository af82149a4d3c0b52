// SPDX-License-Identifier: Apache-2.0
// The lines that attach gdb, in another terminal, to a kernel of the run or to the next one.
import { shellQuote } from '../../util/text/shell-quote.js';

export interface DebuggedKernel {
  name: string;
  /** Path of the ELF file; null if there is none. */
  vmlinux: string | null;
  /** Why gdb knows no source lines; null if it does. */
  why: string | null;
}

/**
 * Lines to paste: one for the running kernel, and one for the next, with a breakpoint that waits for it.
 * @param stub path of the debugger stub's socket
 * @param stopAt function of the breakpoint
 */
export function debuggerLines(
  stub: string,
  running: DebuggedKernel,
  next: DebuggedKernel | null,
  stopAt: string,
): string[] {
  const line = ({ vmlinux }: DebuggedKernel, more: readonly string[]) =>
    [
      'gdb',
      ...(vmlinux === null ? [] : [shellQuote(vmlinux)]),
      ...[`target remote ${stub}`, ...more].map((command) => `-ex ${shellQuote(command)}`),
    ].join(' ');
  return [
    `debugger on ${running.name}, which stops when gdb attaches:`,
    `  ${line(running, [])}`,
    ...whyOf(running),
    ...(next === null
      ? []
      : [
          // A hardware breakpoint changes no memory, so it survives the load of the next kernel.
          `or, before the kexec, with a breakpoint in the next kernel, ${next.name}:`,
          `  ${line(next, [`hbreak ${stopAt}`, 'continue'])}`,
          ...whyOf(next),
        ]),
    '  detach in gdb lets the machine continue',
  ];
}

function whyOf({ why }: DebuggedKernel): string[] {
  return why === null ? [] : [`  functions only, no source lines: ${why}`];
}
