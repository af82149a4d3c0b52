/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the bare guest, shared by the program and the VMM that lays it out: docs/guest-payload.md. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE 4096u
#define GUEST_VCPUS 8u
#define GUEST_MAGIC 0x545345554742414cull /* LABGUEST */
#define GUEST_LAYOUT 1u
#define GUEST_DEBUGREGS 1u

enum guest_page {
	PAGE_CONTROL, PAGE_PROGRAM, PAGE_PML4 = 5, PAGE_PDPT, PAGE_PD, PAGE_IDT = 11, PAGE_GDT, PAGE_BASE, PAGE_STACKS,
};
#define CONSTANT_PAGES ((unsigned)PAGE_STACKS - PAGE_PROGRAM)
#define PROGRAM_MAX ((PAGE_PML4 - PAGE_PROGRAM) * GUEST_PAGE)

/* The program begins with a jump, then one 16-byte stub a vector. */
#define STUB_BYTES 16u
#define STUB_OF(vector) (PAGE_PROGRAM * GUEST_PAGE + STUB_BYTES * ((vector) + 1u))
#define TIMER_VECTOR 32u
#define STUBS (TIMER_VECTOR + 1)

#define CODE_SELECTOR 0x08u
#define DATA_SELECTOR 0x10u
#define TASK_SELECTOR 0x18u

#define REPORT_PORT 0xe0u
enum report { REPORT_UP = 1, REPORT_TICK, REPORT_FAILED, REPORT_EXCEPTION };
#define REPORT(what, vcpu, low) ((uint32_t)(what) << 28 | (uint32_t)(vcpu) << 24 | ((uint32_t)(low) & 0xffffffu))

/* A head of the chain, or a digest. */
struct pair {
	uint32_t a, b;
};

struct share {
	uint32_t first, pages;
	uint64_t ticks, links;
	struct pair head;
	uint64_t working;
	struct pair next, old_head, old_prev;
	uint64_t bad, first_bad;
	uint64_t fpu_bad, msr_bad, debug_bad, tsc_back;
	uint64_t last_tsc, max_gap, max_gap_tick;
	uint64_t system_bad, exception, stale_bad;
	uint64_t unused[12];
};

struct control {
	uint64_t magic;
	uint32_t layout, vcpus, seed, period_us, batch, features, first, pages;
	uint64_t tsc_khz;
	struct pair constant;
	uint64_t unused[25];
	struct share share[GUEST_VCPUS];
};

_Static_assert(sizeof(struct share) == 0x100, "a block is 0x100 bytes");
_Static_assert(offsetof(struct control, share) == 0x100, "blocks begin at 0x100");
_Static_assert(offsetof(struct share, stale_bad) == 0x98 && offsetof(struct share, bad) == 0x40, "as documented");

#endif
