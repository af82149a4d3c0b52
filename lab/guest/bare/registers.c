// SPDX-License-Identifier: GPL-2.0-only
/* Values that a vCPU keeps in registers over all ticks, to see that they are still there. */
#include "registers.h"

#include "chain.h"
#include "cpu.h"

#define MXCSR 0x5f80u /* rounds up: a reset leaves another value */
#define XMMS 15       /* xmm15 holds the tick */

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const uint32_t kept_msrs[] = { 0xc0000081, 0xc0000082, 0xc0000084,
				      0xc0000102 }; /* STAR, LSTAR, SFMASK, KERNEL_GS_BASE */
#define MSRS ARRAY_SIZE(kept_msrs)

/* Valid as an address, and 32 bits for registers that take no more. */
static uint64_t register_value(uint32_t seed, uint32_t vcpu, uint32_t which)
{
	return chain_mix(seed ^ chain_mix(vcpu << 8 | which));
}

/* SFMASK has 32 bits, and some kernels refuse the high ones. */
static uint64_t register_msr_value(uint32_t seed, uint32_t vcpu, uint32_t i)
{
	return register_value(seed, vcpu, 0x20 + i) & 0x7fffffff;
}

static void register_xmm_values(uint32_t seed, uint32_t vcpu, uint64_t (*to)[2])
{
	for (uint32_t i = 0; i < XMMS; i++) {
		to[i][0] = register_value(seed, vcpu, i) | 1ull << 40;
		to[i][1] = register_value(seed, vcpu, 0x40 + i);
	}
}

static void register_load_xmms(uint64_t (*from)[2])
{
	__asm__ volatile("movdqu 0(%0), %%xmm0\n"
			 "movdqu 16(%0), %%xmm1\n"
			 "movdqu 32(%0), %%xmm2\n"
			 "movdqu 48(%0), %%xmm3\n"
			 "movdqu 64(%0), %%xmm4\n"
			 "movdqu 80(%0), %%xmm5\n"
			 "movdqu 96(%0), %%xmm6\n"
			 "movdqu 112(%0), %%xmm7\n"
			 "movdqu 128(%0), %%xmm8\n"
			 "movdqu 144(%0), %%xmm9\n"
			 "movdqu 160(%0), %%xmm10\n"
			 "movdqu 176(%0), %%xmm11\n"
			 "movdqu 192(%0), %%xmm12\n"
			 "movdqu 208(%0), %%xmm13\n"
			 "movdqu 224(%0), %%xmm14\n"
			 : : "r"(from) : "memory");
}

static void register_store_xmms(uint64_t (*to)[2])
{
	__asm__ volatile("movdqu %%xmm0, 0(%0)\n"
			 "movdqu %%xmm1, 16(%0)\n"
			 "movdqu %%xmm2, 32(%0)\n"
			 "movdqu %%xmm3, 48(%0)\n"
			 "movdqu %%xmm4, 64(%0)\n"
			 "movdqu %%xmm5, 80(%0)\n"
			 "movdqu %%xmm6, 96(%0)\n"
			 "movdqu %%xmm7, 112(%0)\n"
			 "movdqu %%xmm8, 128(%0)\n"
			 "movdqu %%xmm9, 144(%0)\n"
			 "movdqu %%xmm10, 160(%0)\n"
			 "movdqu %%xmm11, 176(%0)\n"
			 "movdqu %%xmm12, 192(%0)\n"
			 "movdqu %%xmm13, 208(%0)\n"
			 "movdqu %%xmm14, 224(%0)\n"
			 : : "r"(to) : "memory");
}

/**
 * registers_fill() - Write the registers, once.
 * @seed: seed of the guest
 * @vcpu: number of the vCPU
 * @debug: also write the debug registers
 *
 * The values differ for each seed and vCPU, so that the registers of another guest are noticed,
 * too.
 */
void registers_fill(uint32_t seed, uint32_t vcpu, bool debug)
{
	uint64_t at[XMMS][2], x87 = register_value(seed, vcpu, 0x60) | 1ull << 40;
	uint32_t mxcsr = MXCSR;

	register_xmm_values(seed, vcpu, at);
	register_load_xmms(at);
	__asm__ volatile("ldmxcsr %0; fninit; fildll %1" : : "m"(mxcsr), "m"(x87));
	for (uint32_t i = 0; i < MSRS; i++)
		wrmsr(kept_msrs[i], register_msr_value(seed, vcpu, i));
	if (debug) {
		__asm__ volatile("mov %0, %%dr0" : : "r"(register_value(seed, vcpu, 0x70)));
		__asm__ volatile("mov %0, %%dr1" : : "r"(register_value(seed, vcpu, 0x71)));
		__asm__ volatile("mov %0, %%dr2" : : "r"(register_value(seed, vcpu, 0x72)));
		__asm__ volatile("mov %0, %%dr3" : : "r"(register_value(seed, vcpu, 0x73)));
	}
}

/**
 * fpu_same() - Check the FPU and SSE registers.
 * @seed: seed of the guest
 * @vcpu: number of the vCPU
 *
 * Return: true if they are as they were
 */
bool fpu_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t at[XMMS][2], want[XMMS][2], differs = 0, x87 = 0;
	uint32_t mxcsr = 0;

	register_store_xmms(at);
	register_xmm_values(seed, vcpu, want);
	for (uint32_t i = 0; i < XMMS; i++)
		differs |= (at[i][0] ^ want[i][0]) | (at[i][1] ^ want[i][1]);
	/* This stores a copy. The register itself stays as it is. */
	__asm__ volatile("stmxcsr %0; fld %%st(0); fistpll %1" : "=m"(mxcsr), "=m"(x87));
	return !differs && x87 == (register_value(seed, vcpu, 0x60) | 1ull << 40) &&
	       (mxcsr & ~0x3fu) == MXCSR;
}

/**
 * msrs_same() - Check the MSRs.
 * @seed: seed of the guest
 * @vcpu: number of the vCPU
 *
 * Return: true if they are as they were
 */
bool msrs_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t differs = 0;

	for (uint32_t i = 0; i < MSRS; i++)
		differs |= rdmsr(kept_msrs[i]) ^ register_msr_value(seed, vcpu, i);
	return !differs;
}

/**
 * debug_same() - Check the debug registers.
 * @seed: seed of the guest
 * @vcpu: number of the vCPU
 *
 * Return: true if they are as they were
 */
bool debug_same(uint32_t seed, uint32_t vcpu)
{
	uint64_t at[4], differs = 0;

	__asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
			 : "=r"(at[0]), "=r"(at[1]), "=r"(at[2]), "=r"(at[3]));
	for (uint32_t i = 0; i < 4; i++)
		differs |= at[i] ^ register_value(seed, vcpu, 0x70 + i);
	return !differs;
}

/**
 * tick_keep() - Put the tick into xmm15, besides memory.
 * @tick: number of the tick
 *
 * If registers and memory are from different moments, the two ticks differ.
 */
void tick_keep(uint64_t tick)
{
	__asm__ volatile("movq %0, %%xmm15" : : "r"(tick));
}

/**
 * tick_kept() - Read the tick from xmm15.
 *
 * Return: number of the tick
 */
uint64_t tick_kept(void)
{
	uint64_t tick;

	__asm__ volatile("movq %%xmm15, %0" : "=r"(tick));
	return tick;
}
