// SPDX-License-Identifier: Apache-2.0
// One message for each format that no golden log contains yet, in the words of the kernel sources; with the title that
// it must get, and the outcome or taint that it implies. A message seen on a real machine belongs in a golden instead.

export const MESSAGES: readonly (readonly [message: string, title: string, implies?: string])[] = [
  // panic
  [
    'Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.',
    'Kernel panic: No working init found',
    'panic',
  ],
  [
    'Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: foo_bar+0x12/0x34',
    'Kernel panic: stack-protector: Kernel stack is corrupted in foo_bar',
    'panic',
  ],
  [
    'Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled',
    'Kernel panic: Out of memory: compulsory panic_on_oom is enabled',
    'panic',
  ],
  [
    'Kernel panic - not syncing: Incoming PCI FLB version (v2) is incompatible with this kernel (v3)',
    'Kernel panic: Incoming PCI FLB version 2 is incompatible with this kernel',
    'panic',
  ],
  [
    'Kernel panic - not syncing: Failed to restore IOMMU Live Update FLB: -2',
    'Kernel panic: Failed to restore IOMMU Live Update FLB',
    'panic',
  ],
  [
    'Kernel panic - not syncing: 2 preserved device(s) were never finished!',
    'Kernel panic: PCI: preserved devices were never finished',
    'panic',
  ],
  ['Kernel panic - not syncing', 'Kernel panic', 'panic'],
  ['Kernel panic - not syncing: softlockup: hung tasks', 'Kernel panic: softlockup: hung tasks', 'panic'],
  [
    'Kernel panic - not syncing: memblock: cannot resize reserved array',
    'Kernel panic: memblock: cannot resize reserved array',
    'panic',
  ],
  [
    'Kernel panic - not syncing: alloc_foo: Failed to allocate 0x1000 bytes at 0xffff888000001000',
    'Kernel panic: alloc_foo: Failed to allocate ADDR bytes at ADDR',
    'panic',
  ],
  [
    'PANIC: early exception 0x0e IP 10:ffffffff81a2b3c4 error 0 cr2 0xffff888000000000',
    'PANIC: early exception 0x0e',
    'panic',
  ],
  // faults
  [
    'BUG: unable to handle kernel paging request at ffffc90000000000',
    'BUG: unable to handle kernel paging request',
    'oops',
  ],
  ['BUG: unable to handle something at 0xdeadbeef', 'BUG: unable to handle something at ADDR', 'oops'],
  ['kernel BUG at mm/page_alloc.c:1234!', 'kernel BUG', 'oops'],
  ['kernel BUG at ffffffff81a2b3c4', 'kernel BUG', 'oops'],
  ['Oops: stack segment: 0000 [#1] SMP', 'stack segment fault', 'oops'],
  ['traps: PANIC: double fault, error_code: 0x0', 'double fault', 'oops'],
  ['init: Corrupted page table at address 7f0000000000', 'Corrupted page table', 'oops'],
  ['Oops: int3: 0000 [#1] SMP', 'Oops: int3', 'oops'],
  ['Oops: 0002 [#1] SMP', 'Oops', 'oops'],
  // sanitizers
  ['BUG: KASAN: slab-use-after-free in foo_release+0x12/0x34', 'KASAN: slab-use-after-free in foo_release', 'bad-page'],
  ['BUG: KCSAN: data-race in foo / bar', 'KCSAN: data-race in foo', 'sanitizer'],
  ['BUG: KFENCE: memory corruption of 8 bytes', 'KFENCE: memory corruption of N bytes', 'bad-page'],
  [
    'kmemleak: 8 new suspected memory leaks (see /sys/kernel/debug/kmemleak)',
    'kmemleak: new suspected memory leaks',
    'sanitizer',
  ],
  ['UBSAN: array-index-out-of-bounds in drivers/foo/bar.c:12:3', 'UBSAN: array-index-out-of-bounds', 'sanitizer'],
  // lockups
  ['watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [init:1]', 'BUG: soft lockup', 'soft-lockup'],
  ['watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1', 'hard LOCKUP', 'stall'],
  ['rcu: INFO: rcu_preempt self-detected stall on CPU', 'rcu_preempt: stall', 'stall'],
  ['rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:', 'rcu_preempt: stall', 'stall'],
  ['rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 1-....', 'rcu_sched: stall', 'stall'],
  [
    'rcu: rcu_preempt kthread starved for 2102 jiffies! g-1127 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1',
    'rcu_preempt: kthread starved',
    'stall',
  ],
  ['INFO: task kworker/0:1:12 blocked for more than 122 seconds.', 'INFO: task hung', 'stall'],
  ['BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 32s!', 'BUG: workqueue lockup', 'stall'],
  // warnings
  ['WARNING: CPU: 0 PID: 1 at mm/memblock.c:623 memblock_add_range+0x12/0x34', 'WARNING in memblock_add_range', 'warn'],
  ['WARNING: at foo_bar+0x12/0x34, CPU#1: init/1', 'WARNING in foo_bar', 'warn'],
  ['WARNING: CPU: 0 PID: 1 at mm/memblock.c:623', 'WARNING at mm/memblock.c', 'warn'],
  [
    'WARNING: possible circular locking dependency detected',
    'WARNING: possible circular locking dependency detected',
    'lockdep',
  ],
  [
    'WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected',
    'WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected',
    'lockdep',
  ],
  ['WARNING: bad unlock balance detected!', 'WARNING: bad unlock balance detected', 'lockdep'],
  // memory
  ['Out of memory: Killed process 43 (init) total-vm:237676kB', 'Out of memory'],
  [
    'init: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null)',
    'page allocation failure',
  ],
  // other bugs
  ['BUG: Bad page state in process init  pfn:01234', 'BUG: Bad page state', 'bad-page'],
  ['BUG: Bad page map in process init  pte:8000000012345067 pmd:12345067', 'BUG: Bad page map', 'bad-page'],
  ['BUG: Bad rss-counter state mm:ffff888000001000 type:MM_FILEPAGES val:1', 'BUG: Bad rss-counter state', 'bug'],
  ['BUG: Bad page cache in process init  pfn:01234', 'BUG: Bad page cache', 'bad-page'],
  [
    'BUG kmalloc-64 (Tainted: G        W          ): Object already free',
    'SLUB: kmalloc-64: Object already free',
    'bad-page',
  ],
  [
    'BUG: sleeping function called from invalid context at mm/slab.h:321',
    'BUG: sleeping function called from invalid context',
    'warn',
  ],
  ['BUG: scheduling while atomic: init/1/0x00000002', 'BUG: scheduling while atomic', 'warn'],
  ['BUG: spinlock bad magic on CPU#1, init/1', 'BUG: spinlock bad magic on CPU, init/N', 'bug'],
  // timers of the emulated machine
  [
    'tsc: PIT calibration deviates from HPET: 28522 2592951',
    'tsc: the PIT calibration is off: the host was too busy for its timers',
  ],
  // KHO
  [
    "KHO: setup: handover FDT (0x3e3fe000) is incompatible with 'kho-v4': 1",
    "KHO: handover FDT is incompatible with 'kho-v4'",
    'lost',
  ],
  ['KHO: setup: handover FDT (0x3e3fe000) is invalid: -9', 'KHO: handover FDT is invalid: -9', 'lost'],
  ['KHO: setup: failed to memremap FDT (0x3e3fe000)', 'KHO: failed to memremap FDT', 'lost'],
  ['KHO: setup: failed to memremap scratch (phys=0x3e3fe000, len=48)', 'KHO: failed to memremap scratch', 'lost'],
  [
    'KHO: failed to mark the scratch region 0x0x3a400000+0x0x4000000: -ENOMEM',
    'KHO: failed to mark the scratch region',
    'lost',
  ],
  ['KHO: failed to get preserved memory bitmaps', 'KHO: failed to get preserved memory bitmaps', 'lost'],
  ['KHO: failed to get preserved KHO memory tree', 'KHO: failed to get preserved memory tree', 'lost'],
  ['KHO: disabling KHO revival', 'KHO: disabling KHO revival', 'lost'],
  ['KHO: disabling KHO revival: -22', 'KHO: disabling KHO revival', 'lost'],
  [
    'Passed KHO data, but CONFIG_KEXEC_HANDOVER not set. Ignoring.',
    'Passed KHO data, but CONFIG_KEXEC_HANDOVER not set',
    'lost',
  ],
  ['setup: failed to memremap kho data (0x3e3fe000, 0x20)', 'setup: failed to memremap kho data', 'lost'],
  ['KHO: kexec-metadata version 7 not supported (expected 1)', 'KHO: kexec-metadata version 7 not supported'],
  ['KHO: kexec-metadata blob too small (2 bytes)', 'KHO: kexec-metadata blob too small'],
  ["KHO: broken KHO subnode 'LUO': missing or invalid blob-size property", "KHO: broken KHO subnode 'LUO'"],
  [
    'KHO: Failed to reserve scratch area, disabling kexec handover',
    'KHO: Failed to reserve scratch area, disabling kexec handover',
  ],
  ['KHO: Failed to extend scratch: -ENOMEM', 'KHO: Failed to extend scratch: -ENOMEM'],
  ['KHO: failed to restore folio for KHO fdt', 'KHO: failed to restore folio for KHO fdt'],
  ['KHO: Failed to reserve nid 3 scratch buffer', 'KHO: Failed to reserve nid N scratch buffer'],
  // LUO
  ["luo: FDT 'LUO' is incompatible with 'luo-v1' [1]", "luo: FDT is incompatible with 'luo-v1'"],
  ['luo: LUO state is too small (16 < 32)', 'luo: LUO state is too small'],
  ['luo: Session node incompatible [luo-session-v2]', 'luo: Session node incompatible [luo-session-v2]'],
  ["luo: FLB node is incompatible with 'luo-flb-v1' [1]", "luo: FLB node is incompatible with 'luo-flb-v1'"],
  ["luo: failed to retrieve LUO state 'LUO' from KHO: -EINVAL", 'luo: failed to retrieve LUO state from KHO: -EINVAL'],
  ["luo: failed to retrieve FDT 'LUO' from KHO: -22", 'luo: failed to retrieve LUO state from KHO: -EINVAL'],
  ['luo: File count mismatch: expected 3, found 2', 'luo: File count mismatch'],
  ['luo: Failed to allocate session [vm0] during deserialization -ENOMEM', 'luo: Failed to allocate session: -ENOMEM'],
  ['luo: Failed to insert session [vm0] -17', 'luo: Failed to insert session: -EEXIST'],
  ['luo: Block set is corrupted', 'luo: Block set is corrupted'],
  ['luo: Block contains invalid entry count: 999', 'luo: Block contains invalid entry count'],
  [
    'luo: Freeze failed for token[0x1] handler[memfd-v2] err[-EBUSY]',
    'luo: Freeze failed in handler memfd-v2: -EBUSY',
    'refused',
  ],
  ['luo: kho_finalize failed -12', 'luo: kho_finalize failed: -ENOMEM', 'refused'],
  ['luo: Unable to finish session [vm0] on release', 'luo: Unable to finish session on release'],
  [
    'luo: The file was successfully preserved, but response to user failed',
    'luo: The file was successfully preserved, but response to user failed',
  ],
  ['luo: Unable to get session node: [luo-session]', 'luo: Unable to get session node'],
  ["luo: Unable to get session header 'luo-session-header' [-1]", 'luo: Unable to get session header'],
  ['luo: Unable to get FLB node [luo-flb]', 'luo: Unable to get FLB node'],
  ["luo: Unable to get live update number 'liveupdate-number' [-1]", 'luo: Unable to get live update number'],
  ['luo: failed to prepare LUO state: -12', 'luo: failed to prepare LUO state: -ENOMEM'],
  [
    "luo: File handler registration failed: Compatible string 'memfd-v2' already registered.",
    "luo: File handler registration failed: Compatible string 'memfd-v2' already registered.",
  ],
  // memfd
  ['memfd_luo: shmem: failed to charge folio index 12: -12', 'memfd_luo: shmem: failed to charge folio: -ENOMEM'],
  [
    'memfd_luo: shmem: failed to account folio index 12(512 pages): -12',
    'memfd_luo: shmem: failed to account folio: -ENOMEM',
  ],
  ['memfd_luo: failed to add seals: -EOPNOTSUPP', 'memfd_luo: failed to add seals: -EOPNOTSUPP'],
  ['memfd_luo: failed to pin folios: -14', 'memfd_luo: failed to pin folios: -EFAULT'],
  [
    'memfd_luo: Could not register luo filesystem handler: -EEXIST',
    'memfd_luo: Could not register luo filesystem handler: -EEXIST',
  ],
  // memblock
  ["FDT 'memblock' is incompatible with 'memblock-v1': 1", "FDT 'memblock' is incompatible with 'memblock-v1'", 'leak'],
  [
    "Node 'keep' is incompatible with 'reserve-mem-v1': 1",
    "reserve_mem node is incompatible with 'reserve-mem-v1'",
    'leak',
  ],
  ["failed to retrieve FDT 'memblock' from KHO: -22", "failed to retrieve FDT 'memblock' from KHO: -EINVAL"],
  ["FDT 'memblock' has no child 'keep': -1", "FDT 'memblock' has no child of that name"],
  ["KHO reserve-mem 'keep' has wrong alignment (0x1000, 0x200)", 'KHO reserve-mem has wrong alignment', 'leak'],
  ["KHO reserve-mem 'keep' has wrong size (0x400000 != 0x800000)", 'KHO reserve-mem has wrong size', 'leak'],
  ['failed to prepare memblock FDT for KHO: -12', 'failed to prepare memblock FDT for KHO: -ENOMEM'],
  ['reserve_mem: memblock allocation failed', 'reserve_mem: memblock allocation failed'],
  // the lab and the rest
  ['LAB-INIT-FAIL mount /dev: No such device', 'LAB-INIT-FAIL: mount PATH: No such device'],
  [' -- System halted', 'decompressor: System halted'],
  ['kexec_image: Invalid image', 'kexec_image: Invalid image'],
  // the series that preserve PCI devices
  ['pci 0000:01:00.1: Cannot preserve Virtual Functions', 'PCI: virtual functions cannot be preserved'],
  [
    'pci 0000:01:00.0: Refusing to preserve device that relies on ACS quirks',
    'PCI: a device that relies on ACS quirks is not preserved',
  ],
  [
    'pci 0000:00:02.0: Not assigning bus numbers, preserved bridge',
    'PCI: no bus numbers are assigned below a preserved bridge',
  ],
  // the lab's positive control
  ['lukeep: pci data is damaged: checksum 0x1234, should be 0x5678', 'lukeep: pci data is damaged'],
  ['lukeep: iommu data is damaged: checksum 0x1234, should be 0x5678', 'lukeep: iommu data is damaged'],
  ['pci 0000:00:05.0: lukeep: its IOMMU was not translating', 'lukeep: the IOMMU of a device was not translating'],
  ['pci 0000:00:05.0: lukeep: BAR 0 moved: 0x40000000, was 0xfea00000', 'lukeep: a BAR of a device moved'],
  ['lukeep: the list of devices is damaged', 'lukeep: the list of devices is damaged'],
  [
    'vfio-pci 0000:00:05.0: lukeep: is attached to nothing',
    'lukeep: a device cannot be preserved: is attached to nothing',
  ],
  ['vfio-pci 0000:00:06.0: lukeep: refuses to freeze', 'lukeep: a device refuses to freeze'],
];

/** Messages that look like something and are nothing. */
export const HARMLESS: readonly string[] = [
  'KHO: scratch areas: lowmem: 32MiB global: 16MiB pernode: 16MiB',
  'KHO: scratch scale is 200%',
  'KHO: bootmem areas: lowmem: 32MiB global: 16MiB pernode: 16MiB',
  'Kernel command line: console=ttyS0 panic=-1 oops=panic x="Kernel panic - not syncing"',
  'rcu: Hierarchical RCU implementation.',
  'traps: a.out[12] general protection fault ip:401000 sp:7ffe0000 error:0 in a.out[401000+1000]',
  'mitigations: Enabled attack vectors: SMT mitigations: off',
  'NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.',
  'print_fatal_signals: BUGs: none',
];
