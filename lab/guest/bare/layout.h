/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of the bare guest. The program and the VMM, which lays it out, share this header.
 * docs/guest-payload.md describes it.
 */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE 4096u
#define GUEST_VCPUS 8u
#define GUEST_MAGIC 0x545345554742414cull /* LABGUEST */
#define GUEST_LAYOUT 2u
#define GUEST_DEBUGREGS 1u
#define GUEST_DEVICES 4u

/*
 * Devices are above the largest RAM and below the APICs. Each has one BAR, and two pages behind
 * the stacks for its transfers.
 */
#define DEVICE_BAR_BYTES 0x100000u
#define DEVICE_BAR(device) (0xd0000000u + (device) * DEVICE_BAR_BYTES)
#define DEVICE_PAGES 2u
/*
 * edu uses 28 bits of an address. It sees the guest's memory at the same addresses as the
 * guest.
 */
#define DEVICE_RAM_MAX (1ull << 28)
/* QEMU before 8.0 ends itself if a transfer touches the end of the buffer of the device. */
#define TRANSFER_BYTES (GUEST_PAGE - 8u)

enum guest_page {
	PAGE_CONTROL,
	PAGE_PROGRAM,
	PAGE_PML4 = 5,
	PAGE_PDPT,
	PAGE_PD,
	PAGE_IDT = 11,
	PAGE_GDT,
	PAGE_BASE,
	PAGE_STACKS,
};

#define CONSTANT_PAGES ((unsigned int)PAGE_STACKS - PAGE_PROGRAM)
#define PROGRAM_MAX ((PAGE_PML4 - PAGE_PROGRAM) * GUEST_PAGE)

/* The program starts with a jump. Then comes one stub of 16 bytes for each vector. */
#define STUB_BYTES 16u
#define STUB_OF(vector) (PAGE_PROGRAM * GUEST_PAGE + STUB_BYTES * ((vector) + 1u))
#define TIMER_VECTOR 32u
#define STUBS (TIMER_VECTOR + 1)

#define CODE_SELECTOR 0x08u
#define DATA_SELECTOR 0x10u
#define TASK_SELECTOR 0x18u

#define REPORT_PORT 0xe0u
enum report { REPORT_UP = 1, REPORT_TICK, REPORT_FAILED, REPORT_EXCEPTION };
#define REPORT(what, vcpu, low) \
	((uint32_t)(what) << 28 | (uint32_t)(vcpu) << 24 | ((uint32_t)(low) & 0xffffffu))

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

/*
 * vCPU 0 moves a page of its memory into each device, QEMU's edu, and back into another page.
 */
enum device_phase { DEVICE_IDLE, DEVICE_TAKES, DEVICE_GIVES };
struct bare_device {
	uint32_t source, landing; /* page numbers */
	uint64_t bar;
	/* The transfer that is running, or the last one; the tick at which its phase began. */
	uint64_t transfer, phase, began;
	uint64_t done, wrong, first_wrong, unended, cut, resets, gone;
	uint64_t set_up, landed; /* landed: the last transfer that was right */
	uint64_t unused[18];
};

struct control {
	uint64_t magic;
	uint32_t layout, vcpus, seed, period_us, batch, features, first, pages;
	uint64_t tsc_khz;
	struct pair constant;
	uint32_t devices, reserved;
	uint64_t unused[24];
	struct share share[GUEST_VCPUS];
	struct bare_device device[GUEST_DEVICES];
};

static_assert(sizeof(struct share) == 0x100, "a block is 0x100 bytes");
static_assert(offsetof(struct control, share) == 0x100, "blocks begin at 0x100");
static_assert(sizeof(struct bare_device) == 0x100, "a device's block is 0x100 bytes");
static_assert(offsetof(struct control, device) == 0x900, "devices' blocks begin at 0x900");
static_assert(offsetof(struct bare_device, gone) == 0x58, "as documented");
static_assert(offsetof(struct share, bad) == 0x40, "as documented");
static_assert(offsetof(struct share, stale_bad) == 0x98, "as documented");

#endif
