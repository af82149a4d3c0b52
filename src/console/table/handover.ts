// SPDX-License-Identifier: Apache-2.0
// Messages of KHO, LUO, memfd and memblock about a handover, as Linux 6.18, 6.19, 7.1, 7.2 and 7.3 word them.
// A line implies an outcome if it is the last that a mismatch prints. A LUO error that a panic follows implies nothing.

import type { PatternGroup } from '../pattern.js';

export const HANDOVER_GROUPS: readonly PatternGroup[] = [
  {
    name: 'kho',
    severity: 'kho',
    implies: 'lost',
    shape: 'line',
    headers: ['KHO: ', 'Passed KHO data', 'setup: failed to memremap kho data'],
    formats: [
      {
        re: /^KHO: setup: handover FDT \(\S+\) is incompatible with '([^']+)'/,
        title: "KHO: handover FDT is incompatible with '{=1}'",
        component: { name: 'kho', reads: 1 },
      },
      {
        re: /^KHO: setup: handover FDT \(\S+\) is invalid: (-?\d+)/,
        title: 'KHO: handover FDT is invalid: {=1}',
        component: { name: 'kho' },
      },
      { re: /^KHO: setup: failed to memremap (FDT|scratch)/, title: 'KHO: failed to memremap {=1}' },
      { re: /^KHO: failed to mark the scratch region/, title: 'KHO: failed to mark the scratch region' },
      { re: /^KHO: failed to get preserved (?:KHO )?memory (\w+)/, title: 'KHO: failed to get preserved memory {=1}' },
      { re: /^KHO: disabling KHO revival/, title: 'KHO: disabling KHO revival' },
      {
        re: /^Passed KHO data, but CONFIG_KEXEC_HANDOVER not set/,
        title: 'Passed KHO data, but CONFIG_KEXEC_HANDOVER not set',
        component: { name: 'kho' },
      },
      { re: /^setup: failed to memremap kho data/, title: 'setup: failed to memremap kho data' },
      {
        re: /^KHO: kexec-metadata version (\d+) not supported \(expected (\d+)\)/,
        title: 'KHO: kexec-metadata version {=1} not supported',
        implies: null,
        component: { name: 'kexec-metadata', wrote: 1, reads: 2 },
      },
      {
        re: /^KHO: kexec-metadata blob too small/,
        title: 'KHO: kexec-metadata blob too small',
        implies: null,
        component: { name: 'kexec-metadata' },
      },
      { re: /^KHO: broken KHO subnode '([^']*)'/, title: "KHO: broken KHO subnode '{=1}'", implies: null },
      {
        re: /^KHO: Failed to reserve scratch area, disabling kexec handover/,
        title: 'KHO: Failed to reserve scratch area, disabling kexec handover',
        implies: null,
      },
      { re: /^KHO: (failed .*|Failed .*|node .*|disabled in the kdump kernel)/, title: 'KHO: {1}', implies: null },
    ],
    suppress: [/^KHO: (?:(?:scratch|bootmem) (?:areas|scale)|found kexec handover data|exec from)/],
  },
  {
    name: 'luo',
    severity: 'luo',
    implies: null,
    shape: 'line',
    headers: ['luo: ', 'luo_core: ', 'luo_session: ', 'luo_file: ', 'luo_flb: ', 'kho_block: '],
    formats: [
      {
        re: /^luo\w*: LUO state is incompatible with '([^']+)'/,
        title: "luo: LUO state is incompatible with '{=1}'",
        component: { name: 'luo', reads: 1 },
      },
      {
        re: /^luo\w*: FDT 'LUO' is incompatible with '([^']+)'/,
        title: "luo: FDT is incompatible with '{=1}'",
        component: { name: 'luo', reads: 1 },
      },
      { re: /^luo\w*: LUO state is too small/, title: 'luo: LUO state is too small', component: { name: 'luo' } },
      {
        re: /^luo\w*: Session node incompatible \[([^\]]+)\]/,
        title: 'luo: Session node incompatible [{=1}]',
        component: { name: 'luo-session', reads: 1 },
      },
      {
        re: /^luo\w*: FLB node is incompatible with '([^']+)'/,
        title: "luo: FLB node is incompatible with '{=1}'",
        component: { name: 'luo-flb', reads: 1 },
      },
      {
        re: /^luo\w*: failed to retrieve (?:FDT|LUO state) '[^']*' from KHO: (\S+)/,
        title: 'luo: failed to retrieve LUO state from KHO: {1}',
        component: { name: 'luo' },
      },
      {
        re: /^luo\w*: No registered handler for compatible '([^']*)'/,
        title: "luo: No registered handler for compatible '{=1}'",
        component: { wrote: 1 },
      },
      { re: /^luo\w*: File count mismatch: expected \d+, found \d+/, title: 'luo: File count mismatch' },
      {
        re: /^luo\w*: Failed to deserialize files for session \[.*\] (\S+)$/,
        title: 'luo: Failed to deserialize files for session: {1}',
      },
      {
        re: /^luo\w*: Failed to (allocate|insert) session \[.*\] (?:during deserialization )?(\S+)$/,
        title: 'luo: Failed to {=1} session: {2}',
      },
      { re: /^(?:luo|kho_block): Block set is corrupted/, title: 'luo: Block set is corrupted' },
      {
        re: /^(?:luo|kho_block): Block contains invalid entry count/,
        title: 'luo: Block contains invalid entry count',
      },
      {
        re: /^luo\w*: Freeze failed for token\[\S+\] handler\[([^\]]*)\] err\[([^\]]*)\]/,
        title: 'luo: Freeze failed in handler {=1}: {2}',
        implies: 'refused',
        reasonAbove: true,
      },
      { re: /^luo\w*: kho_finalize failed (-?\d+)/, title: 'luo: kho_finalize failed: {1}', implies: 'refused' },
      { re: /^luo\w*: Unable to finish session \[.*\] on release/, title: 'luo: Unable to finish session on release' },
      {
        re: /^luo\w*: The file was successfully preserved, but response to user failed/,
        title: 'luo: The file was successfully preserved, but response to user failed',
      },
      {
        re: /^luo\w*: Disabling liveupdate because KHO is disabled/,
        title: 'luo: Disabling liveupdate because KHO is disabled',
      },
      { re: /^luo\w*: Unable to get (.*?)(?: ?:? [['].*)?$/, title: 'luo: Unable to get {1}' },
      { re: /^luo\w*: (failed .*|Failed .*|File handler registration failed.*)/, title: 'luo: {1}' },
    ],
    suppress: [/^luo\w*: Retrieved live update data/],
  },
  {
    name: 'memfd',
    severity: 'luo',
    implies: null,
    shape: 'line',
    headers: ['memfd_luo: '],
    formats: [
      { re: /^memfd_luo: Unable to restore folio at physical address/, title: 'memfd_luo: Unable to restore folio' },
      {
        re: /^memfd_luo: shmem: failed to ([\w ]+?) folio index \d+(?:\(\d+ pages\))?: (-?\d+)/,
        title: 'memfd_luo: shmem: failed to {=1} folio: {2}',
      },
      { re: /^memfd_luo: failed to (pin folios|setup file|add seals): (\S+)/, title: 'memfd_luo: failed to {=1}: {2}' },
      { re: /^memfd_luo: (.+)/, title: 'memfd_luo: {1}' },
    ],
  },
  {
    // If the kernel cannot revive a reservation, it makes a new one elsewhere, and the old one stays reserved as well.
    name: 'memblock',
    severity: 'kho',
    implies: null,
    shape: 'line',
    headers: [
      "FDT 'memblock'",
      'KHO reserve-mem',
      'reserve_mem: ',
      'memblock FDT for KHO',
      'reserve-mem-v',
      'Revived memory reservation',
    ],
    formats: [
      {
        re: /^FDT 'memblock' is incompatible with '([^']+)'/,
        title: "FDT 'memblock' is incompatible with '{=1}'",
        implies: 'leak',
        component: { name: 'memblock', reads: 1 },
      },
      {
        re: /^Node '[^']*' is incompatible with '(reserve-mem-v\d+)'/,
        title: "reserve_mem node is incompatible with '{=1}'",
        implies: 'leak',
        component: { name: 'reserve-mem', reads: 1 },
      },
      {
        re: /^failed to retrieve FDT 'memblock' from KHO: (-?\d+)/,
        title: "failed to retrieve FDT 'memblock' from KHO: {1}",
      },
      { re: /^FDT 'memblock' has no child '[^']*'/, title: "FDT 'memblock' has no child of that name" },
      {
        re: /^KHO reserve-mem '[^']*' has wrong (alignment|size)/,
        title: 'KHO reserve-mem has wrong {=1}',
        implies: 'leak',
      },
      { re: /^failed to prepare memblock FDT for KHO: (-?\d+)/, title: 'failed to prepare memblock FDT for KHO: {1}' },
      {
        re: /^reserve_mem: (no more room|name .* was already used|memblock allocation failed|empty or malformed)/,
        title: 'reserve_mem: {1}',
      },
    ],
    suppress: [/^Revived memory reservation/],
  },
  {
    // The lab's init prints this, but any program in the machine can print the same. So it implies nothing: whatever
    // init failed to do will be missing later.
    name: 'lab',
    severity: 'warning',
    implies: null,
    shape: 'line',
    unstamped: true,
    headers: ['LAB-INIT-FAIL'],
    formats: [{ re: /^(?:init: )?LAB-INIT-FAIL:? *(.*)/, title: 'LAB-INIT-FAIL: {1}' }],
  },
  {
    name: 'decompressor',
    severity: 'oops',
    implies: null,
    shape: 'line',
    unstamped: true,
    headers: ['-- System halted'],
    formats: [{ re: /^ *-- System halted/, title: 'decompressor: System halted' }],
  },
  {
    name: 'news',
    severity: 'info',
    implies: null,
    shape: 'line',
    headers: [
      'KHO: found kexec handover data',
      'KHO: exec from',
      'Retrieved live update data',
      'Revived memory reservation',
      'kexec_core: ',
      'kexec_image: ',
      'kexec_file: ',
      'reboot: ',
      ']: segfault at',
    ],
    formats: [
      { re: /^KHO: found kexec handover data/, title: 'KHO: found kexec handover data' },
      { re: /^KHO: exec from: (\S+)/, title: 'KHO: exec from {=1}' },
      { re: /^luo\w*: Retrieved live update data/, title: 'luo: Retrieved live update data' },
      {
        re: /^Revived memory reservation '([^']*)' from KHO/,
        title: "Revived memory reservation '{=1}' from KHO",
        lookedFor: true,
      },
      { re: /^(kexec_\w+): (.+)/, title: '{=1}: {2}' },
      { re: /^reboot: (Restarting system|Power down|System halted|machine restart)/, title: 'reboot: {=1}' },
      { re: /^(\S+)\[\d+\]: segfault at /, title: 'segfault in user space' },
    ],
    suppress: [/^kexec_core: Starting new kernel/],
  },
];
