// SPDX-License-Identifier: GPL-2.0-only
/* The bare guest: it checks itself and extends its chain at every tick. */
#include "chain.h"
#include "control.h"
#include "cpu.h"
#include "device.h"
#include "registers.h"

#define SYSTEM_CHECK_TICKS 16

/* x2APIC: the registers of the local APIC as MSRs. */
#define APIC_BASE 0x1bu
#define APIC_SPURIOUS 0x80fu
#define APIC_TIMER 0x832u
#define APIC_INITIAL 0x838u
#define APIC_DIVIDE 0x83eu

#define AT(page) ((void *)((uintptr_t)(page) * GUEST_PAGE))

static void bare_report(enum report what, uint32_t vcpu, uint64_t low)
{
	out32(REPORT_PORT, REPORT(what, vcpu, low));
}

/**
 * bare_exception() - End after an exception, and report it.
 * @vector: the vector
 */
void bare_exception(uint32_t vector)
{
	uint32_t vcpu = (uint32_t)((uintptr_t)stack_page() / GUEST_PAGE) - PAGE_STACKS;

	control.share[vcpu % GUEST_VCPUS].exception = vector + 1;
	bare_report(REPORT_EXCEPTION, vcpu, vector);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/*
 * Takes one page: reads it, checks it, hashes it into the head, and writes it with new content.
 * If the guest is stopped in between, the block says what the page was and what it will be.
 */
static bool bare_extend(struct share *s)
{
	uint64_t number = s->links + 1;
	uint32_t page = s->first + (uint32_t)((number - 1) % s->pages);
	struct link *at = AT(page), old = *at;
	bool good = chain_is((word64 *)at, AT(PAGE_BASE), page, number - s->pages);

	if (!good && !s->bad++)
		s->first_bad = page;
	s->next = chain_next(s->head, chain_digest((word32 *)at), number);
	s->old_head = old.head;
	s->old_prev = old.prev;
	order_stores();
	s->working = number;
	order_stores();
	struct link next = { page, LINK_MAGIC, number, s->next, old.head };

	chain_write((word64 *)at, AT(PAGE_BASE), &next);
	order_stores();
	s->head = s->next;
	order_stores();
	s->links = number;
	order_stores();
	return good;
}

static bool bare_constant_same(void)
{
	struct pair d =
		chain_digest_from(DIGEST_START, AT(PAGE_PROGRAM), 0, CONSTANT_PAGES * PAGE_WORDS);

	return d.a == control.constant.a && d.b == control.constant.b;
}

/* Returns true if everything is as it was. Each kind of failure has its own counter. */
static bool bare_check(struct share *s, uint32_t vcpu)
{
	uint64_t before =
		s->fpu_bad + s->msr_bad + s->debug_bad + s->stale_bad + s->tsc_back + s->system_bad;
	uint64_t tsc = rdtsc();

	s->fpu_bad += !fpu_same(control.seed, vcpu);
	s->stale_bad += tick_kept() != s->ticks;
	s->msr_bad += !msrs_same(control.seed, vcpu);
	if (control.features & GUEST_DEBUGREGS)
		s->debug_bad += !debug_same(control.seed, vcpu);
	if (tsc < s->last_tsc) {
		s->tsc_back++;
	} else if (s->last_tsc && tsc - s->last_tsc > s->max_gap) {
		s->max_gap = tsc - s->last_tsc;
		s->max_gap_tick = s->ticks + 1;
	}
	s->last_tsc = tsc;
	if (s->ticks % SYSTEM_CHECK_TICKS == 0)
		s->system_bad += !bare_constant_same();
	return s->fpu_bad + s->msr_bad + s->debug_bad + s->stale_bad + s->tsc_back +
		       s->system_bad ==
	       before;
}

static void bare_start_timer(void)
{
	wrmsr(APIC_BASE, rdmsr(APIC_BASE) | 3 << 10); /* enabled, x2APIC */
	wrmsr(APIC_SPURIOUS, 0x1ff);
	wrmsr(APIC_DIVIDE, 0xb); /* by 1; the APIC of KVM counts nanoseconds */
	wrmsr(APIC_TIMER, 1 << 17 | TIMER_VECTOR);
	wrmsr(APIC_INITIAL, control.period_us * 1000u);
}

static void bare_wait_for_timer(void)
{
	volatile uint32_t *pending = stack_page();

	__asm__ volatile("cli");
	while (!*pending)
		__asm__ volatile("sti; hlt; cli"
				 :
				 :
				 : "memory"); /* no interrupt can come between sti and hlt */
	*pending = 0;
	__asm__ volatile("sti");
}

/**
 * bare_main() - Run a vCPU.
 * @vcpu: its number
 */
void bare_main(uint32_t vcpu)
{
	struct share *s = &control.share[vcpu];

	registers_fill(control.seed, vcpu, control.features & GUEST_DEBUGREGS);
	tick_keep(0);
	bare_start_timer();
	bare_report(REPORT_UP, vcpu, 0);
	for (;;) {
		bool good;

		bare_wait_for_timer();
		good = bare_check(s, vcpu);
		for (uint32_t i = 0; i < control.batch; i++)
			good &= bare_extend(s);
		for (uint32_t i = 0; vcpu == 0 && i < control.devices; i++)
			device_tick(&control.device[i], control.seed, i, s->ticks);
		tick_keep(s->ticks + 1);
		s->ticks++;
		if (!good)
			bare_report(REPORT_FAILED, vcpu, s->ticks);
		bare_report(REPORT_TICK, vcpu, s->ticks);
	}
}
