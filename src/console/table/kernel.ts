// SPDX-License-Identifier: Apache-2.0
// Panics, oopses, warnings and stalls of any kernel.
import { KMEMLEAK_COUNT } from '../../model/result/incident.js';
import type { PatternGroup } from '../pattern.js';
import { END_TRACE } from '../report-lines.js';

/** Complaints of lockdep and of RCU's own checks. */
const LOCK_WARNINGS = [
  String.raw`possible [\w -]+ detected`,
  String.raw`[\w -]+>[\w -]+ lock order detected`,
  String.raw`bad \w+ balance detected`,
  String.raw`suspicious RCU usage`,
  String.raw`inconsistent lock state`,
  String.raw`lock held when returning`,
  String.raw`Nested lock was not taken`,
  String.raw`held lock freed`,
];

export const KERNEL_GROUPS: readonly PatternGroup[] = [
  {
    name: 'panic',
    severity: 'panic',
    implies: 'panic',
    shape: 'report',
    end: /^---\[ end Kernel panic/,
    headers: ['Kernel panic - not syncing'],
    formats: [
      {
        re: /^Kernel panic - not syncing: The incoming tree failed to initialize properly \[(\S+?)\]/,
        title: 'Kernel panic: LUO: The incoming tree failed to initialize properly [{1}]',
      },
      {
        re: new RegExp(
          String.raw`^Kernel panic - not syncing: Incoming PCI FLB version \(v?(\d+)\) ` +
            String.raw`is incompatible with this kernel \(v?(\d+)\)`,
        ),
        title: 'Kernel panic: Incoming PCI FLB version {=1} is incompatible with this kernel',
        component: { name: 'pci', wrote: 1, reads: 2 },
      },
      {
        re: /^Kernel panic - not syncing: Failed to restore IOMMU Live Update FLB/,
        title: 'Kernel panic: Failed to restore IOMMU Live Update FLB',
        component: { name: 'iommu' },
      },
      {
        re: /^Kernel panic - not syncing: .*preserved device\(s\) were never finished/,
        title: 'Kernel panic: PCI: preserved devices were never finished',
        component: { name: 'pci' },
      },
      {
        re: /^Kernel panic - not syncing: VFS: Unable to mount root fs/,
        title: 'Kernel panic: VFS: Unable to mount root fs',
      },
      { re: /^Kernel panic - not syncing: Attempted to kill init!/, title: 'Kernel panic: Attempted to kill init' },
      {
        re: /^Kernel panic - not syncing: Requested init .* failed \(error (-?\w+)\)/,
        title: 'Kernel panic: Requested init failed (error {1})',
      },
      { re: /^Kernel panic - not syncing: No working init found/, title: 'Kernel panic: No working init found' },
      {
        re: /^Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: ([\w.]+)/,
        title: 'Kernel panic: stack-protector: Kernel stack is corrupted in {1}',
      },
      { re: /^Kernel panic - not syncing: Out of memory: (.*)/, title: 'Kernel panic: Out of memory: {1}' },
      { re: /^Kernel panic - not syncing:? *(.+)/, title: 'Kernel panic: {1}' },
      { re: /^Kernel panic - not syncing/, title: 'Kernel panic' },
    ],
  },
  {
    name: 'early-panic',
    severity: 'panic',
    implies: 'panic',
    shape: 'report',
    unstamped: true,
    headers: ['PANIC: early exception'],
    formats: [{ re: /^PANIC: early exception (0x[0-9a-f]+)/, title: 'PANIC: early exception {=1}' }],
  },
  {
    name: 'fault',
    severity: 'oops',
    implies: 'tainted',
    taint: 'oops',
    shape: 'report',
    end: END_TRACE,
    endRequired: true,
    headers: [
      'BUG: unable to handle',
      'BUG: kernel NULL pointer',
      'Oops: ',
      'general protection fault',
      'divide error:',
      'invalid opcode:',
      'kernel BUG at',
      'double fault',
      'stack guard page was hit',
      'Corrupted page table',
      'stack segment:',
    ],
    formats: [
      { re: /^BUG: kernel NULL pointer dereference/, title: 'BUG: kernel NULL pointer dereference in {fn}' },
      { re: /^BUG: unable to handle page fault for address/, title: 'BUG: unable to handle page fault in {fn}' },
      {
        re: /^BUG: unable to handle kernel (NULL pointer dereference|paging request)/,
        title: 'BUG: unable to handle kernel {=1} in {fn}',
      },
      { re: /^BUG: unable to handle (.*)/, title: 'BUG: unable to handle {1}' },
      { re: /^kernel BUG at ([\w./-]+):\d+!/, title: 'kernel BUG in {fn}' },
      { re: /^kernel BUG at /, title: 'kernel BUG in {fn}' },
      { re: /^(?:Oops: )?general protection fault/, title: 'general protection fault in {fn}' },
      { re: /^(?:Oops: )?divide error/, title: 'divide error in {fn}' },
      { re: /^(?:Oops: )?invalid opcode/, title: 'invalid opcode in {fn}' },
      { re: /^(?:Oops: )?stack segment/, title: 'stack segment fault in {fn}' },
      { re: /^(?:traps: )?PANIC: double fault/, title: 'double fault in {fn}' },
      { re: /^BUG: .* stack guard page was hit/, title: 'BUG: stack guard page was hit in {fn}' },
      { re: /: Corrupted page table at address/, title: 'Corrupted page table in {fn}' },
      { re: /^Oops: ([A-Za-z][\w -]*?):/, title: 'Oops: {1} in {fn}' },
      { re: /^Oops: /, title: 'Oops in {fn}' },
    ],
    // A fault of a user program: the kernel prints `traps: name[pid] general protection fault ip:...`.
    suppress: [/^traps: .*\[\d+\] (?:trap|general protection|divide|invalid)/],
  },
  {
    name: 'sanitizer',
    severity: 'oops',
    implies: 'tainted',
    taint: 'bad-page',
    shape: 'report',
    end: /^={40,}$|^---\[ end trace /,
    endRequired: true,
    headers: ['BUG: KASAN', 'BUG: KFENCE', 'BUG: KMSAN', 'BUG: KCSAN', 'UBSAN: '],
    formats: [
      // KCSAN and UBSAN set no bit of the taint mask (kernel/kcsan/report.c, lib/ubsan.c).
      { re: /^BUG: KCSAN: ([\w /-]+?) in ([\w.]+)/, title: 'KCSAN: {=1} in {2}', taint: 'sanitizer' },
      { re: /^BUG: (K\w+): ([\w /-]+?) in ([\w.]+)/, title: '{=1}: {=2} in {3}' },
      { re: /^BUG: (K\w+): (.*)/, title: '{=1}: {2}' },
      { re: /^UBSAN: ([\w -]+?) in /, title: 'UBSAN: {=1} in {fn}', taint: 'sanitizer' },
    ],
  },
  {
    // Its scan says only how many there are. The list is a file of debugfs.
    name: 'kmemleak',
    severity: 'warning',
    implies: 'tainted',
    taint: 'sanitizer',
    shape: 'line',
    headers: ['new suspected memory leaks'],
    formats: [{ re: /^kmemleak: (\d+) new suspected memory leaks/, title: KMEMLEAK_COUNT }],
  },
  {
    name: 'lockup',
    severity: 'warning',
    implies: 'tainted',
    taint: 'stall',
    shape: 'report',
    headers: [
      'soft lockup',
      'hard LOCKUP',
      'detected stall',
      'detected expedited stall',
      'self-detected stall',
      'blocked for more than',
      'workqueue lockup',
      'kthread starved',
    ],
    formats: [
      { re: /^(?:watchdog: )?BUG: soft lockup/, title: 'BUG: soft lockup in {fn}', taint: 'soft-lockup' },
      { re: /(?:Watchdog detected|NMI watchdog:).*hard LOCKUP/, title: 'hard LOCKUP in {fn}' },
      { re: /^(?:rcu: )?INFO: (\w+) self-detected stall on CPU/, title: '{=1}: stall in {fn}' },
      { re: /^(?:rcu: )?INFO: (\w+) detected (?:expedited )?stalls/, title: '{=1}: stall in {fn}' },
      { re: /^rcu: (\w+) kthread starved/, title: '{=1}: kthread starved' },
      { re: /^INFO: task (\S+?):\d+ .*blocked for more than/, title: 'INFO: task hung in {fn}' },
      { re: /^BUG: workqueue lockup/, title: 'BUG: workqueue lockup' },
    ],
  },
  {
    // Two traces and a drawing come before the trace of the one who asked for the lock. No line says that it ends.
    name: 'lockdep',
    severity: 'warning',
    implies: 'tainted',
    taint: 'lockdep',
    shape: 'report',
    end: /^ *<\/TASK>|^---\[ end trace /,
    endRequired: true,
    headers: ['WARNING: '],
    formats: [{ re: new RegExp(`^WARNING: (${LOCK_WARNINGS.join('|')})`), title: 'WARNING: {=1} in {fn}' }],
  },
  {
    name: 'warning',
    severity: 'warning',
    implies: 'tainted',
    taint: 'warn',
    shape: 'report',
    end: END_TRACE,
    endRequired: true,
    headers: ['WARNING: '],
    formats: [
      { re: /^WARNING: CPU: \d+ PID: \d+ at \S+ ([\w.]+)\+0x/, title: 'WARNING in {1}' },
      { re: /^WARNING: (?:\S+:\d+ )?at __list_\w+_valid_or_report\+0x/, title: 'WARNING: list corruption in {fn}' },
      { re: /^WARNING: (?:\S+:\d+ )?at ([\w.]+)\+0x/, title: 'WARNING in {1}' },
      { re: /^WARNING: (?:CPU: \d+ PID: \d+ )?(?:at )?([\w./-]+\.[chS]):\d+/, title: 'WARNING at {=1}' },
    ],
  },
  {
    name: 'memory',
    severity: 'warning',
    implies: null,
    shape: 'report',
    end: /^(?:Out of memory: Killed process |oom_reaper: )/,
    headers: ['invoked oom-killer', 'Out of memory', 'page allocation failure'],
    formats: [
      { re: /^\S+ invoked oom-killer/, title: 'Out of memory' },
      { re: /^Out of memory: Killed process/, title: 'Out of memory' },
      { re: /^\S+: page allocation failure: order:(\d+)/, title: 'page allocation failure' },
    ],
  },
  {
    name: 'bug',
    severity: 'oops',
    implies: 'tainted',
    taint: 'bug',
    shape: 'report',
    headers: ['BUG: ', 'BUG '],
    formats: [
      { re: /^BUG: Bad page state in process/, title: 'BUG: Bad page state', taint: 'bad-page' },
      { re: /^BUG: Bad page map in process/, title: 'BUG: Bad page map', taint: 'bad-page' },
      { re: /^BUG: Bad page cache in process/, title: 'BUG: Bad page cache', taint: 'bad-page' },
      { re: /^BUG: Bad rss-counter state/, title: 'BUG: Bad rss-counter state' },
      {
        re: /^BUG: sleeping function called from invalid context/,
        title: 'BUG: sleeping function called from invalid context',
        taint: 'warn',
      },
      { re: /^BUG: scheduling while atomic/, title: 'BUG: scheduling while atomic', taint: 'warn' },
      { re: /^BUG (\S{1,40}) \([^)]*\): (.+)/, title: 'SLUB: {1}: {2}', taint: 'bad-page' },
      { re: /^BUG: (.+)/, title: 'BUG: {1}' },
    ],
  },
  {
    // A busy host delayed the emulated PIT, and the kernel trusts the PIT (arch/x86/kernel/tsc.c, 6.17 to 7.3). From
    // here on every time that this kernel measures is wrong.
    name: 'timer',
    severity: 'warning',
    implies: null,
    shape: 'line',
    headers: ['tsc: PIT calibration deviates'],
    formats: [
      {
        re: /^tsc: PIT calibration deviates from (?:HPET|PMTIMER):/,
        title: 'tsc: the PIT calibration is off: the host was too busy for its timers',
      },
    ],
  },
];
