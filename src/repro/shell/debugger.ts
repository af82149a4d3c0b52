// SPDX-License-Identifier: Apache-2.0
// What to type into another terminal to have a debugger on a kernel of the run, the next one included.
import { shellQuote } from '../../qemu/args.js';

export interface DebuggedKernel {
  name: string;
  /** ELF file; null where there is none. */
  vmlinux: string | null;
  /** Why it tells no lines; null where it does. */
  why: string | null;
}

/**
 * Lines to paste: one for the kernel that runs, one for the next, whose breakpoint waits for it.
 * @param stub socket
 * @param stopAt function
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
    `debugger on ${running.name}, which stands still from then on:`,
    `  ${line(running, [])}`,
    ...whyOf(running),
    ...(next === null
      ? []
      : [
          // No byte of memory changes for a hardware breakpoint, so it is there when the next kernel is.
          `or with a breakpoint in ${next.name}, the next kernel, before the kexec:`,
          `  ${line(next, [`hbreak ${stopAt}`, 'continue'])}`,
          ...whyOf(next),
        ]),
    '  detach in gdb lets the machine go on',
  ];
}

function whyOf({ why }: DebuggedKernel): string[] {
  return why === null ? [] : [`  functions only, no lines: ${why}`];
}
