// SPDX-License-Identifier: Apache-2.0
// Console output of the fake machine's kernels, as real ones print it.

export const release = (epoch: number) => `7.3.${epoch}`;

export const FIRMWARE = 'SeaBIOS (version 1.16.2-debian-1.16.2-1)\r\n';

export const stamped = (...lines: string[]) => lines.map((line) => `[   12.345678] ${line}\r\n`).join('');

export const banner = (name: string) =>
  `[    0.000000] Linux version ${name} (lab@lab) (gcc 12.2.0) #1 SMP PREEMPT_DYNAMIC\r\n`;

export const STARTING = stamped('kexec_core: Starting new kernel');

export const PANIC = stamped(
  'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b',
  'CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 7.3.4 #1 PREEMPT(voluntary)',
  'Call Trace:',
  ' <TASK>',
  ' panic+0x113/0x2d0',
  ' do_exit+0x8a0/0xa00',
  ' </TASK>',
  '---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b ]---',
);

export const OOPS = stamped(
  'BUG: kernel NULL pointer dereference, address: 0000000000000008',
  '#PF: supervisor read access in kernel mode',
  '#PF: error_code(0x0000) - not-present page',
  'PGD 0 P4D 0',
  'Oops: Oops: 0000 [#1] SMP NOPTI',
  'CPU: 1 UID: 0 PID: 100 Comm: agent Not tainted 7.3.4 #1 PREEMPT(voluntary)',
  'RIP: 0010:memfd_luo_retrieve+0x1a/0x90',
  'Call Trace:',
  ' <TASK>',
  ' luo_retrieve_file+0x5b/0xd0',
  ' </TASK>',
  'CR2: 0000000000000008',
  '---[ end trace 0000000000000000 ]---',
);

export const WARNING = stamped(
  '------------[ cut here ]------------',
  'WARNING: mm/page_alloc.c:100 at function_0+0x1a/0x90, CPU#1: agent/100',
  'CPU: 1 UID: 0 PID: 100 Comm: agent Not tainted 7.3.4 #1 PREEMPT(voluntary)',
  'RIP: 0010:function_0+0x1a/0x90',
  'Call Trace:',
  ' <TASK>',
  ' luo_retrieve_file+0x5b/0xd0',
  ' </TASK>',
  '---[ end trace 0000000000000000 ]---',
);
