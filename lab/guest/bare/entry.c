// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where vCPUs start and interrupts arrive. The VMM has filled the tables. rdi holds the number
 * of the vCPU, and the stack is its own page.
 */
#include "layout.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/*
 * Stub i is at 16 * (i + 1): the VMM built the IDT that way. After an exception nothing goes
 * on, so no register is saved. The timer is acknowledged (x2APIC EOI, MSR 0x80b) and counted in
 * the first word of the stack page.
 */
__asm__(".section .text.program, \"ax\"\n"
	".globl program\n"
	"program:\n"
	"	jmp bare_main\n"
	"	.balign 16\n"
	".set vector, 0\n"
	".rept 32\n"
	"	mov $vector, %edi\n"
	"	jmp exception\n"
	"	.balign 16\n"
	"	.set vector, vector + 1\n"
	".endr\n"
	"	jmp timer\n"
	"exception:\n"
	"	and $-16, %rsp\n"
	"	call bare_exception\n"
	"timer:\n"
	"	push %rax\n"
	"	push %rcx\n"
	"	push %rdx\n"
	"	mov %rsp, %rax\n"
	"	and $-4096, %rax\n"
	"	incl (%rax)\n"
	"	mov $0x80b, %ecx\n"
	"	xor %eax, %eax\n"
	"	xor %edx, %edx\n"
	"	wrmsr\n"
	"	pop %rdx\n"
	"	pop %rcx\n"
	"	pop %rax\n"
	"	iretq\n"
	".text\n");
