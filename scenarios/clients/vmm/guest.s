# SPDX-License-Identifier: GPL-2.0-only
# The firmware of a guest of QEMU's, and all that runs in it. It needs a PC's timer and serial port alone, and is up at
# once. It fills its memory. Then, at each tick of the timer, it compares BATCH pages with what it wrote there a round
# ago, and gives them the content of this tick. A tick is in %edi and in memory, which must agree: so registers and
# memory are of one moment. A line for each tick says which it is, and how many words were wrong so far.

	.set BEGIN, 0x100000		# pages from here to the end of memory; their number is a multiple of BATCH
	.set PAGE, 0x1000
	.set TICK, 0x1000		# where the tick is in memory
	.set ROUND, 0x1004		# ticks after which each page had its turn
	.set IDT, 0x2000
	.set STACK, 0x8000
	.set BATCH, 64
	.set APIC, 0xfee00000
	.set VECTOR, 0x20
	.set SERIAL, 0x3f8
	.set HZ_100, 11932		# of the timer's 1193182 Hz
	.set STEP, 0x9e3779b1		# between the contents of two ticks

	.text
	.code32
start:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$STACK, %esp
	cld

	# The timer's interrupt, and no other. The local APIC lets it through (ExtINT on LINT0).
	movl	$0x1ff, APIC + 0xf0
	movl	$0x700, APIC + 0x350
	mov	$timer, %eax
	movw	%ax, IDT + VECTOR * 8
	movw	$0x08, IDT + VECTOR * 8 + 2
	movw	$0x8e00, IDT + VECTOR * 8 + 4
	shr	$16, %eax
	movw	%ax, IDT + VECTOR * 8 + 6
	lidt	idt
	mov	$0x11, %al
	out	%al, $0x20
	mov	$VECTOR, %al
	out	%al, $0x21
	mov	$4, %al
	out	%al, $0x21
	mov	$1, %al
	out	%al, $0x21
	mov	$0xfe, %al
	out	%al, $0x21
	mov	$0xff, %al
	out	%al, $0xa1
	mov	$0x34, %al
	out	%al, $0x43
	mov	$HZ_100 & 0xff, %al
	out	%al, $0x40
	mov	$HZ_100 >> 8, %al
	out	%al, $0x40

	# %ebp: the end of memory. CMOS has the KiB above 1 MiB.
	mov	$0x31, %al
	out	%al, $0x70
	in	$0x71, %al
	mov	%al, %ah
	mov	$0x30, %al
	out	%al, $0x70
	in	$0x71, %al
	movzx	%ax, %ebp
	mov	%ebp, %eax
	shl	$10, %ebp
	add	$BEGIN, %ebp
	shr	$2, %eax
	xor	%edx, %edx
	mov	$BATCH, %ecx
	div	%ecx
	mov	%eax, ROUND

	xor	%ebx, %ebx		# words that were wrong
	xor	%edi, %edi		# the tick; 0 writes all pages
	mov	%edi, TICK
	mov	$BEGIN, %esi		# the next page
1:	mov	%edi, %eax
	call	page_write
	cmp	%ebp, %esi
	jb	1b
	mov	$BEGIN, %esi
	call	say

tick:	sti
	hlt
	cli
	cmp	%edi, TICK
	je	1f
	inc	%ebx
1:	inc	%edi
	mov	%edi, TICK
	mov	$BATCH, %ecx
2:	push	%ecx
	mov	%edi, %eax
	sub	ROUND, %eax
	jae	3f
	xor	%eax, %eax		# not yet its second turn
3:	call	page_check
	mov	%edi, %eax
	call	page_write
	cmp	%ebp, %esi
	jb	4f
	mov	$BEGIN, %esi
4:	pop	%ecx
	loop	2b
	call	say
	jmp	tick

# Counts in %ebx the words of page %esi that are not those of tick %eax.
page_check:
	imul	$STEP, %eax
	add	%esi, %eax
	xor	%ecx, %ecx
1:	cmp	%eax, (%esi, %ecx)
	je	2f
	inc	%ebx
2:	add	$4, %eax
	add	$4, %ecx
	cmp	$PAGE, %ecx
	jb	1b
	ret

# Writes page %esi as tick %eax does, and goes on to the next.
page_write:
	imul	$STEP, %eax
	add	%esi, %eax
	mov	$PAGE / 4, %ecx
1:	mov	%eax, (%esi)
	add	$4, %eax
	add	$4, %esi
	loop	1b
	ret

say:
	mov	%edi, %eax
	call	number
	mov	$' ', %al
	call	letter
	mov	%ebx, %eax
	call	number
	mov	$'\n', %al
letter:
	mov	$SERIAL, %edx
	out	%al, %dx
	ret

# %eax in hexadecimal
number:
	mov	$8, %ecx
1:	rol	$4, %eax
	push	%eax
	and	$15, %eax
	mov	digits(%eax), %al
	call	letter
	pop	%eax
	loop	1b
	ret

timer:
	push	%eax
	mov	$0x20, %al
	out	%al, $0x20
	pop	%eax
	iret

digits:	.ascii	"0123456789abcdef"
	.align	8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_at:	.word	. - gdt - 1
	.long	gdt
idt:	.word	(VECTOR + 1) * 8 - 1
	.long	IDT

	# The processor begins 16 bytes below the end, with CS at the end of 4 GiB.
	.org	0xff00
	.code16
real:	cli
	lgdtl	%cs:gdt_at - start
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$8, $start
	.org	0xfff0
	jmp	real
	.org	0x10000
