// SPDX-License-Identifier: GPL-2.0-only
/* Lays out the memory of a bare guest. docs/guest-payload.md describes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../guest/bare/chain.h"
#include "guest/guest.h"
#include "common/util.h"

#define BARE_PROGRAM "/lib/lab/guest-bare.bin"
#define PERIOD_US_MIN 1000 /* with more interrupts an emulated machine gets nothing else done */
#define PERIOD_US_MAX 4000000 /* the counter of the timer has 32 bits, in nanoseconds */
#define BATCH_MAX 1048576

/* Present, writable, accessed, dirty: so the processor never writes to the tables. */
#define PRESENT_WRITABLE_USED 0x63ull
#define LARGE_PAGE 0x80ull
#define UNCACHED 0x18ull /* for the addresses of devices */

static void *bare_page(const struct guest *g, uint64_t page)
{
	return g->ram + page * PAGE;
}

static void bare_write_tables(struct guest *g)
{
	uint64_t *top = bare_page(g, PAGE_PML4), *middle = bare_page(g, PAGE_PDPT);

	top[0] = (uint64_t)PAGE_PDPT * PAGE | PRESENT_WRITABLE_USED;
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t *directory = bare_page(g, PAGE_PD + i);

		middle[i] = (PAGE_PD + i) * PAGE | PRESENT_WRITABLE_USED;
		for (uint64_t k = 0; k < 512; k++)
			directory[k] = (i << 30 | k << 21) | PRESENT_WRITABLE_USED | LARGE_PAGE |
				       (i << 30 < GUEST_SIZE_MAX ? 0 : UNCACHED);
	}
}

static void bare_write_descriptors(struct guest *g)
{
	uint64_t *gdt = bare_page(g, PAGE_GDT), *idt = bare_page(g, PAGE_IDT);

	/* The accessed bit is set, for the same reason. */
	gdt[CODE_SELECTOR / 8] = 0x00af9b000000ffffull;
	gdt[DATA_SELECTOR / 8] = 0x00cf93000000ffffull;
	/* Interrupt gates. All stubs are in the first 64 KiB. */
	for (uint64_t v = 0; v < STUBS; v++)
		idt[2 * v] = (STUB_OF(v) & 0xffff) | CODE_SELECTOR << 16 |
			     0x8e00ull << 32;
}

static bool bare_read_program(struct request *r, struct guest *g)
{
	uint8_t *to = bare_page(g, PAGE_PROGRAM);
	int fd = open(BARE_PROGRAM, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return fail_errno(r, errno, "open %s", BARE_PROGRAM);
	n = read(fd, to, PROGRAM_MAX);
	close(fd);
	return n > 0 || fail_errno(r, n ? errno : ENODATA, "read %s", BARE_PROGRAM);
}

/* The VMM writes the first round of links, so that the guest starts at once. */
static void bare_write_links(struct guest *g, struct share *s, uint32_t vcpu, const word64 *base)
{
	struct link link = { .magic = LINK_MAGIC, .head = chain_root(g->seed, vcpu) };

	for (uint32_t i = 0; i < s->pages; i++) {
		link.page = s->first + i;
		link.number = i + 1;
		link.head = chain_next(link.head, (struct pair){ 0, 0 }, link.number);
		chain_write(bare_page(g, link.page), base, &link);
	}
	s->links = s->pages;
	s->working = s->pages;
	s->head = link.head;
}

static bool bare_keys(struct request *r, struct control *c)
{
	uint64_t period = 10000, batch = 16;

	if (!request_number(r, "period", PERIOD_US_MAX, &period) ||
	    !request_number(r, "batch", BATCH_MAX, &batch))
		return false;
	if (period < PERIOD_US_MIN)
		return fail_request(r, "period is %d to %d us", PERIOD_US_MIN, PERIOD_US_MAX);
	c->period_us = (uint32_t)period;
	c->batch = (uint32_t)batch;
	return true;
}

static void bare_share_out(struct guest *g, struct control *c)
{
	uint32_t all = c->pages - c->first, each = all / g->vcpus;

	for (uint32_t v = 0; v < g->vcpus; v++) {
		struct share *s = &c->share[v];

		s->first = c->first + v * each;
		s->pages = v + 1 < g->vcpus ? each : all - v * each;
		bare_write_links(g, s, v, bare_page(g, PAGE_BASE));
	}
}

static void bare_place_devices(const struct guest *g, struct control *c)
{
	for (uint32_t i = 0; i < g->devices; i++) {
		uint32_t page = PAGE_STACKS + g->vcpus + i * DEVICE_PAGES;

		c->device[i] = (struct bare_device){
			.source = page,
			.landing = page + 1,
			.bar = DEVICE_BAR(i),
		};
	}
}

/**
 * bare_layout() - Lay out a bare guest and set its vCPUs up.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool bare_layout(struct request *r, struct guest *g)
{
	struct control *c = bare_page(g, PAGE_CONTROL);

	*c = (struct control){ .magic = GUEST_MAGIC,
			       .layout = GUEST_LAYOUT,
			       .vcpus = g->vcpus,
			       .seed = g->seed,
			       .features = g->features,
			       .first = PAGE_STACKS + g->vcpus + g->devices * DEVICE_PAGES,
			       .devices = g->devices,
			       .pages = (uint32_t)(g->size / PAGE),
			       .tsc_khz = g->tsc_khz };
	if (!bare_keys(r, c) || !bare_read_program(r, g))
		return false;
	bare_place_devices(g, c);
	bare_write_tables(g);
	bare_write_descriptors(g);
	chain_base(g->seed, bare_page(g, PAGE_BASE));
	bare_share_out(g, c);
	c->constant = chain_digest_from(DIGEST_START, bare_page(g, PAGE_PROGRAM), 0,
					CONSTANT_PAGES * PAGE_WORDS);
	for (uint32_t v = 0; v < g->vcpus; v++) {
		struct kvm_regs regs = {
			.rip = PAGE_PROGRAM * PAGE,
			.rflags = 2,
			.rdi = v,
			.rsp = (PAGE_STACKS + v + 1ull) * PAGE - 8,
		};
		struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

		if (!long_mode(r, &g->vcpu[v], (uint64_t)PAGE_PML4 * PAGE,
			       (uint64_t)PAGE_GDT * PAGE, CODE_SELECTOR, &regs))
			return false;
		if (ioctl(g->vcpu[v].fd, KVM_SET_MP_STATE, &mp))
			return fail_errno(r, errno, "KVM_SET_MP_STATE of vCPU %u", v);
	}
	put_u64(r, "first", c->first);
	return true;
}
