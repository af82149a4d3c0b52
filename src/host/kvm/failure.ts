// SPDX-License-Identifier: Apache-2.0
// Whose fault is it that no machine runs on KVM? Only a fault of KVM itself is remembered.
import { LabError, messageOf } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { MachineEnded } from '../../run/machine/ending.js';

export interface ProbeAnswer {
  verdict: 'works' | 'refused' | 'unknown';
  why: string;
}

/** Rows are tried in order, on how QEMU ended and on the end of its standard error. */
const QEMU_FAILURES: readonly { pattern: RegExp; verdict: 'refused' | 'unknown'; why: string }[] = [
  {
    pattern: /SIG(?:KILL|TERM|INT|HUP|QUIT|XCPU)|status 1(?:29|30|31|37|43)\b/,
    verdict: 'unknown',
    why: 'QEMU was ended',
  },
  { pattern: /Permission denied|Operation not permitted/i, verdict: 'unknown', why: 'QEMU may not use KVM' },
  { pattern: /resource busy/i, verdict: 'unknown', why: 'something else uses the virtualization of the processor' },
  {
    pattern: /Cannot allocate|No space left|Too many open|temporarily unavailable|Out of memory/i,
    verdict: 'unknown',
    why: 'the host has no memory, disk or process left',
  },
  { pattern: /could not be started|No such file/i, verdict: 'unknown', why: 'QEMU did not start' },
  { pattern: /SIG(?:ABRT|SEGV|ILL|BUS|FPE)|status 13[0-9]\b/, verdict: 'refused', why: 'QEMU crashes with KVM' },
  { pattern: /kvm|does ?n[o']t support|not supported/i, verdict: 'refused', why: 'QEMU reports an error of KVM' },
];

/** Judges why QEMU did not start, or why a running machine ended. */
export function judgeFailure(error: unknown): ProbeAnswer {
  if (error instanceof MachineEnded) return { verdict: 'refused', why: `on KVM ${error.message}` };
  const { message, stderr } = wordsOf(error);
  const said = `${message}\n${stderr}`;
  const row = QEMU_FAILURES.find(({ pattern }) => pattern.test(said));
  const words = oneLine(stderr === '' ? message : lastLine(stderr));
  return row === undefined ? { verdict: 'unknown', why: words } : { verdict: row.verdict, why: `${row.why}: ${words}` };
}

/** If a machine did not start, the cause is QEMU's end. The error itself shows the command line, which says `kvm`. */
function wordsOf(error: unknown): { message: string; stderr: string } {
  const inner = error instanceof LabError && error.cause instanceof LabError ? error.cause : error;
  return { message: messageOf(inner), stderr: inner instanceof LabError ? (inner.detail ?? '') : '' };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function oneLine(text: string): string {
  return printable(text.split('\n')[0] ?? '').slice(0, 300);
}
