// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots a bzImage with the 64-bit boot protocol (Documentation/arch/x86/boot.rst of the
 * kernel).
 */
#define _GNU_SOURCE
#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/mptable.h"
#include "guest/guest.h"
#include "machine/source.h"
#include "common/util.h"

#define INITRD "/lib/lab/guest-linux.cpio"

/* Addresses below 1 MiB. */
enum linux_place {
	GDT_AT = 0x500,
	PARAMS_AT = 0x7000,
	STACK_AT = 0x8ff0,
	TABLES_AT = 0x9000,
	CMDLINE_AT = 0x20000,
	LOW_END = MPTABLE_AT,
	HIGH_START = 0x100000
};

#define CMDLINE_MAX 2048
#define BOOT_CS 0x10
#define ENTRY_64 0x200 /* offset in the protected-mode part */
#define SETUP_HEADER 0x1f1
#define SECTOR 512u

struct linux_image {
	const uint8_t *at;
	uint64_t size;
};

/* Maps the content of a source for the time of the request. */
static bool linux_map_source(struct request *r, int fd, struct linux_image *i)
{
	void *at;

	if (fd < 0)
		return false;
	if (file_size(fd, &i->size) || !i->size) {
		close(fd);
		return fail_errno(r, ENODATA, "an empty kernel or initrd");
	}
	at = mmap(NULL, i->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	i->at = at;
	return true;
}

static int linux_open_initrd(struct request *r)
{
	int fd;

	if (request_get(r, "initrd"))
		return source_open(r, "initrd", "initrdSize");
	fd = open(INITRD, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_errno(r, errno, "open %s", INITRD);
	return fd;
}

/* Copies the protected-mode part to the address that it prefers. */
static bool linux_place_kernel(struct request *r, struct guest *g, const struct linux_image *k,
			       struct kvm_regs *regs)
{
	struct boot_params *params = (void *)(g->ram + PARAMS_AT);
	struct setup_header h;
	uint64_t from, len;

	if (k->size < 2 * SECTOR)
		return fail_request(r, "not a bzImage: %llu bytes", (unsigned long long)k->size);
	memcpy(&h, k->at + SETUP_HEADER, sizeof(h));
	from = ((h.setup_sects ? h.setup_sects : 4) + 1ull) * SECTOR;
	if (h.header != 0x53726448 || h.version < 0x020c || !(h.xloadflags & XLF_KERNEL_64) ||
	    from >= k->size)
		return fail_request(r, "not a bzImage with a 64-bit entry point");
	len = k->size - from;
	if (h.pref_address < HIGH_START || h.pref_address > g->size ||
	    g->size - h.pref_address < (len > h.init_size ? len : h.init_size))
		return fail_errno(r, ENOMEM, "this kernel needs %llu MiB",
				  (unsigned long long)((h.pref_address + h.init_size + (1 << 20)) >>
						       20));
	memset(params, 0, sizeof(*params));
	params->hdr = h;
	memcpy(g->ram + h.pref_address, k->at + from, len);
	regs->rip = h.pref_address + ENTRY_64;
	return true;
}

static bool linux_place_initrd(struct request *r, struct guest *g, const struct linux_image *i)
{
	struct boot_params *params = (void *)(g->ram + PARAMS_AT);
	uint64_t at = (g->size - i->size) & ~(PAGE - 1ull);

	if (i->size > g->size || at < params->hdr.pref_address + params->hdr.init_size)
		return fail_errno(r, ENOMEM, "no room for %llu KiB of initrd",
				  (unsigned long long)i->size >> 10);
	memcpy(g->ram + at, i->at, i->size);
	params->hdr.ramdisk_image = (uint32_t)at;
	params->hdr.ramdisk_size = (uint32_t)i->size;
	return true;
}

static void linux_place_params(struct guest *g, const char *cmdline)
{
	struct boot_params *params = (void *)(g->ram + PARAMS_AT);

	params->hdr.type_of_loader = 0xff;
	params->hdr.cmd_line_ptr = CMDLINE_AT;
	memcpy(g->ram + CMDLINE_AT, cmdline, strlen(cmdline) + 1);
	params->e820_table[0] = (struct boot_e820_entry){ 0, LOW_END, 1 };
	params->e820_table[1] = (struct boot_e820_entry){ LOW_END, MPTABLE_BYTES, 2 };
	params->e820_table[2] = (struct boot_e820_entry){ HIGH_START, g->size - HIGH_START, 1 };
	params->e820_entries = 3;
}

static void linux_place_tables(struct guest *g)
{
	uint64_t *top = (void *)(g->ram + TABLES_AT), *middle = top + 512,
		 *gdt = (void *)(g->ram + GDT_AT);

	top[0] = (TABLES_AT + PAGE) | 3;
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t *directory = middle + 512 * (i + 1);

		middle[i] = (TABLES_AT + PAGE * (i + 2)) | 3;
		for (uint64_t k = 0; k < 512; k++)
			directory[k] = (i << 30 | k << 21) | 0x83;
	}
	gdt[BOOT_CS / 8] = 0x00af9b000000ffffull;
	gdt[BOOT_CS / 8 + 1] = 0x00cf93000000ffffull;
	gdt[BOOT_CS / 8 + 2] = 0x008f8b000000ffffull;
}

/**
 * linux_layout() - Lay out a Linux guest and set its first vCPU up.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool linux_layout(struct request *r, struct guest *g)
{
	const char *cmdline = request_get(r, "cmdline");
	struct linux_image kernel = { 0 }, initrd = { 0 };
	struct kvm_regs regs = { .rsi = PARAMS_AT, .rsp = STACK_AT, .rflags = 2 };

	if (!request_get(r, "kernel") || !cmdline || strlen(cmdline) >= CMDLINE_MAX)
		return fail_request(r, "a linux guest needs kernel and cmdline (below %d bytes)",
				    CMDLINE_MAX);
	if (linux_map_source(r, source_open(r, "kernel", "kernelSize"), &kernel) &&
	    linux_map_source(r, linux_open_initrd(r), &initrd) &&
	    linux_place_kernel(r, g, &kernel, &regs) && linux_place_initrd(r, g, &initrd)) {
		linux_place_params(g, cmdline);
		linux_place_tables(g);
		if (g->vcpus > 1)
			mptable_write(g->ram + MPTABLE_AT, g->vcpus);
		long_mode(r, &g->vcpu[0], TABLES_AT, GDT_AT, BOOT_CS, &regs);
	}
	if (kernel.at)
		munmap((void *)kernel.at, kernel.size);
	if (initrd.at)
		munmap((void *)initrd.at, initrd.size);
	return !r->error;
}
