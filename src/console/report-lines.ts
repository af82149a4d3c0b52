// SPDX-License-Identifier: Apache-2.0
// Which lines open, continue and end a kernel's report, and which functions in its trace say nothing about its cause.

/** Opens a report whose title is in one of the next lines. */
export const CUT_HERE = '------------[ cut here ]------------';
export const END_TRACE = /^---\[ end trace /;

/** Functions that are never the subject of a report: those that print it, and those that go to sleep. */
export const INCIDENTAL_FUNCTIONS = new RegExp(
  `^(?:${[
    String.raw`dump_stack\w*|show_stack\w*|__?warn\w*|report_bug\w*|handle_bug|exc_\w+|asm_exc_\w+`,
    String.raw`(?:kasan|kfence|ubsan|__ubsan)_\w+|print_report|__list_\w+_valid_or_report|vpanic|panic`,
    String.raw`__?schedule\w*|schedule_\w+|_raw_\w+|mutex_lock\w*|__mutex_lock\w*|rwsem_\w+`,
    String.raw`down_(?:read|write)\w*|wait_for_completion\w*|__wait_for_common|io_schedule\w*|msleep|memcpy\w*`,
    String.raw`memset\w*|__mem(?:cpy|set)\w*|rep_(?:movs|stos)\w*`,
  ].join('|')})$`,
);

/** Lines that belong to a report wherever they appear in it. */
export const STACK_LINE =
  /^(?:Call Trace:|Call trace:| *<\/?[A-Z#_]+\d*>| +(?:\? )?[\w.$]+\+0x[0-9a-f]+\/0x|RIP: |Code: )/;
export const REPORT_LINE = new RegExp(
  `${STACK_LINE.source}|^(?:${[
    'RSP: ',
    'RAX: ',
    'RDX: ',
    'RBP: ',
    'R1[03]: ',
    '[FC]S: ',
    'CR2: ',
    'DR[03]: ',
    'PKRU: ',
    'PGD ',
    '#PF: ',
    'Oops: ',
    'CPU: ',
    'Hardware name: ',
    'Tainted: ',
    'Workqueue: ',
    'Modules linked in:',
    'note: ',
    'Kernel Offset: ',
    'Rebooting in ',
    '---\\[ ',
    'Sending NMI ',
    'NMI backtrace ',
    'Mem-Info:',
    'Node \\d',
    'lowmem_reserve',
    'active_anon:',
    '\\[ *\\d+\\] +\\d+ ',
    'Tasks state',
    'oom-kill:',
    'oom_reaper: ',
    'rcu: ',
    'task:',
  ].join('|')})`,
);
