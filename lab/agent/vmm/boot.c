// SPDX-License-Identifier: GPL-2.0-only
/* The state in which a vCPU starts. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>

#include "guest/guest.h"

#define CR0_PE_MP_ET_NE_WP_AM_PG 0x80050033ull
#define CR4_PAE_FXSR_XMMEXCPT 0x620ull
#define EFER_LME_LMA 0x500ull
#define GDT_LIMIT 39

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = ~0u, .selector = selector, .type = type, .present = 1, .s = 1, .g = 1
	};
}

/**
 * long_mode() - Set a vCPU up for 64-bit code with flat segments.
 * @r: the request
 * @v: the vCPU
 * @tables: address of the page tables
 * @gdt: address of the GDT
 * @code: selector of the code segment; those for data and task follow it
 * @regs: the general registers
 *
 * Return: true, or false after the request has failed
 */
bool long_mode(struct request *r, struct vcpu *v, uint64_t tables, uint64_t gdt, uint16_t code,
	       const struct kvm_regs *regs)
{
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return fail_errno(r, errno, "KVM_GET_SREGS of vCPU %u", v->number);
	s.cs = flat_segment(code, 0xb);
	s.cs.l = 1;
	s.ds = flat_segment((uint16_t)(code + 8), 0x3);
	s.ds.db = 1;
	s.es = s.ds;
	s.fs = s.ds;
	s.gs = s.ds;
	s.ss = s.ds;
	s.tr = flat_segment((uint16_t)(code + 16), 0xb);
	s.tr.s = 0;
	s.gdt.base = gdt;
	s.gdt.limit = GDT_LIMIT;
	s.idt.base = v->guest->kind == GUEST_BARE ? (uint64_t)PAGE_IDT * GUEST_PAGE : 0;
	s.idt.limit = v->guest->kind == GUEST_BARE ? GUEST_PAGE - 1 : 0;
	s.cr0 = CR0_PE_MP_ET_NE_WP_AM_PG;
	s.cr3 = tables;
	s.cr4 = CR4_PAE_FXSR_XMMEXCPT;
	s.efer = EFER_LME_LMA;
	if (ioctl(v->fd, KVM_SET_SREGS, &s))
		return fail_errno(r, errno, "KVM_SET_SREGS of vCPU %u", v->number);
	return !ioctl(v->fd, KVM_SET_REGS, regs) ||
	       fail_errno(r, errno, "KVM_SET_REGS of vCPU %u", v->number);
}
