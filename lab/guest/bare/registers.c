// SPDX-License-Identifier: GPL-2.0-only
#include "registers.h"

#include "chain.h"
#include "cpu.h"

#define MXCSR 0x5f80u /* rounds up: not what a reset leaves */
#define XMMS 15       /* xmm15 holds the tick */

static const uint32_t kept_msrs[] = { 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000102 }; /* STAR, LSTAR, SFMASK, KERNEL_GS_BASE */
#define MSRS (sizeof(kept_msrs) / sizeof(kept_msrs[0]))

/* Canonical as an address, and 32 bits where a register takes no more. */
static uint64_t value_of(uint32_t seed, uint32_t vcpu, uint32_t which)
{
	return chain_mix(seed ^ chain_mix(vcpu << 8 | which));
}

/* SFMASK has 32 bits and some kernels refuse the high ones. */
static uint64_t msr_value(uint32_t seed, uint32_t vcpu, uint32_t i)
{
	return value_of(seed, vcpu, 0x20 + i) & 0x7fffffff;
}

static void xmm_values(uint32_t seed, uint32_t vcpu, uint64_t (*to)[2])
{
	for (uint32_t i = 0; i < XMMS; i++) {
		to[i][0] = value_of(seed, vcpu, i) | 1ull << 40;
		to[i][1] = value_of(seed, vcpu, 0x40 + i);
	}
}

#define FOR_XMMS(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14)
#define LOAD(i) __asm__ volatile("movdqu %0, %%xmm" #i : : "m"(at[i]));
#define STORE(i) __asm__ volatile("movdqu %%xmm" #i ", %0" : "=m"(at[i]));

void registers_fill(uint32_t seed, uint32_t vcpu, bool debug)
{
	uint64_t at[XMMS][2], x87 = value_of(seed, vcpu, 0x60) | 1ull << 40;
	uint32_t mxcsr = MXCSR;

	xmm_values(seed, vcpu, at);
	FOR_XMMS(LOAD)
	__asm__ volatile("ldmxcsr %0; fninit; fildll %1" : : "m"(mxcsr), "m"(x87));
	for (uint32_t i = 0; i < MSRS; i++)
		wrmsr(kept_msrs[i], msr_value(seed, vcpu, i));
	if (debug) {
		__asm__ volatile("mov %0, %%dr0" : : "r"(value_of(seed, vcpu, 0x70)));
		__asm__ volatile("mov %0, %%dr1" : : "r"(value_of(seed, vcpu, 0x71)));
		__asm__ volatile("mov %0, %%dr2" : : "r"(value_of(seed, vcpu, 0x72)));
		__asm__ volatile("mov %0, %%dr3" : : "r"(value_of(seed, vcpu, 0x73)));
	}
}

bool fpu_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t at[XMMS][2], want[XMMS][2], differs = 0, x87 = 0;
	uint32_t mxcsr = 0;

	FOR_XMMS(STORE)
	xmm_values(seed, vcpu, want);
	for (uint32_t i = 0; i < XMMS; i++)
		differs |= (at[i][0] ^ want[i][0]) | (at[i][1] ^ want[i][1]);
	/* A copy is stored, the register itself stays as it is. */
	__asm__ volatile("stmxcsr %0; fld %%st(0); fistpll %1" : "=m"(mxcsr), "=m"(x87));
	return !differs && x87 == (value_of(seed, vcpu, 0x60) | 1ull << 40) && (mxcsr & ~0x3fu) == MXCSR;
}

bool msrs_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t differs = 0;

	for (uint32_t i = 0; i < MSRS; i++)
		differs |= rdmsr(kept_msrs[i]) ^ msr_value(seed, vcpu, i);
	return !differs;
}

bool debug_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t at[4], differs = 0;

	__asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3" : "=r"(at[0]), "=r"(at[1]), "=r"(at[2]), "=r"(at[3]));
	for (uint32_t i = 0; i < 4; i++)
		differs |= at[i] ^ value_of(seed, vcpu, 0x70 + i);
	return !differs;
}

void tick_keep(uint64_t tick)
{
	__asm__ volatile("movq %0, %%xmm15" : : "r"(tick));
}

uint64_t tick_kept(void)
{
	uint64_t tick;

	__asm__ volatile("movq %%xmm15, %0" : "=r"(tick));
	return tick;
}
