// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec_load(2) for an x86-64 bzImage with a 64-bit entry (Documentation/arch/x86/boot.rst).
 * The next kernel gets the memory map that this kernel got, from /sys/kernel/boot_params/data.
 */
#define _GNU_SOURCE
#include "machine/legacy.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/util.h"

#define LOW_START \
	0x10000ull /* boot parameters, jump, command line: anywhere in the first 640 KiB */
#define JUMP_AT PAGE
#define CMDLINE_AT (PAGE + 64)
#define SETUP_HEADER 0x1f1
#define ENTRY_64 0x200

struct legacy_image {
	char *at; /* NULL if there is none */
	size_t len;
};

static bool legacy_map_image(struct request *r, int fd, struct legacy_image *to)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail_errno(r, errno, "fstat of an image");
	if (!st.st_size)
		return fail_errno(r, ENOEXEC, "an empty image");
	to->len = (size_t)st.st_size;
	to->at = mmap(NULL, to->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (to->at == MAP_FAILED) {
		to->at = NULL;
		return fail_errno(r, errno, "mmap of an image");
	}
	return true;
}

/* Accepts a bzImage of protocol 2.12 or newer that has a 64-bit entry. */
static bool bzimage_header(struct request *r, const struct legacy_image *kernel,
			   struct setup_header *h, size_t *setup_len)
{
	if (kernel->len < 0x1000 || memcmp(kernel->at + 0x202, "HdrS", 4))
		return fail_errno(r, ENOEXEC, "not a bzImage");
	memset(h, 0, sizeof(*h));
	memcpy(h, kernel->at + SETUP_HEADER, sizeof(*h));
	if (h->version < 0x20c || !(h->xloadflags & XLF_KERNEL_64))
		return fail_errno(r, ENOEXEC, "this bzImage has no 64-bit entry");
	*setup_len = ((h->setup_sects ? h->setup_sects : 4u) + 1) * 512u;
	if (*setup_len >= kernel->len)
		return fail_errno(r, ENOEXEC, "the bzImage is cut off");
	return true;
}

static bool boot_params_read(struct request *r, struct boot_params *to)
{
	static const char path[] = "/sys/kernel/boot_params/data";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, sizeof(*to));

	if (len != (ssize_t)sizeof(*to))
		fail_errno(r, len < 0 ? errno : EIO, "read %s", path);
	if (fd >= 0)
		close(fd);
	return !r->error;
}

static bool e820_usable(const struct boot_params *p, uint64_t start, uint64_t len)
{
	for (int i = 0; i < p->e820_entries; i++) {
		const struct boot_e820_entry *e = &p->e820_table[i];

		if (e->type == 1 && start >= e->addr && start + len <= e->addr + e->size)
			return true;
	}
	return false;
}

/* The highest place below limit that is usable and does not overlap [low, high). */
static uint64_t e820_place_top(const struct boot_params *p, uint64_t len, uint64_t limit,
			       uint64_t low, uint64_t high)
{
	uint64_t best = 0;

	for (int i = 0; i < p->e820_entries; i++) {
		const struct boot_e820_entry *e = &p->e820_table[i];
		uint64_t end = e->addr + e->size < limit ? e->addr + e->size : limit, start;

		if (e->type != 1 || end < len)
			continue;
		start = (end - len) & ~(uint64_t)(PAGE - 1);
		if (start < high && start + len > low && low >= len)
			start = (low - len) & ~(uint64_t)(PAGE - 1);
		if (start >= e->addr && (start >= high || start + len <= low) && start > best)
			best = start;
	}
	return best;
}

static uint64_t page_round_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static void legacy_put_jump(unsigned char *to, uint64_t params, uint64_t entry)
{
	memcpy(to, "\x48\xbe", 2); /* mov $params, %rsi */
	memcpy(to + 2, &params, 8);
	memcpy(to + 10, "\x48\xb8", 2); /* mov $entry, %rax */
	memcpy(to + 12, &entry, 8);
	memcpy(to + 20, "\xff\xe0", 2); /* jmp *%rax */
}

static bool legacy_place_and_load(struct request *r, const struct legacy_image *kernel,
				  const struct legacy_image *initrd, const char *cmdline)
{
	struct kexec_segment segments[3] = { 0 };
	struct boot_params now, *next;
	size_t setup_len = 0, count = 0, low_len = page_round_up(CMDLINE_AT + strlen(cmdline) + 1);
	struct setup_header header;
	uint64_t at, end;
	char *low;

	if (!bzimage_header(r, kernel, &header, &setup_len))
		return false;
	if (strlen(cmdline) > header.cmdline_size)
		return fail_errno(r, EINVAL, "a command line longer than %u", header.cmdline_size);
	if (!boot_params_read(r, &now))
		return false;
	at = header.pref_address;
	end = at + page_round_up(header.init_size);
	if (!e820_usable(&now, LOW_START, low_len) || !e820_usable(&now, at, end - at))
		return fail_errno(r, EADDRNOTAVAIL, "no usable memory at %#llx",
				  (unsigned long long)at);
	low = calloc(1, low_len);
	if (!low)
		_exit(12);
	next = (struct boot_params *)low;
	next->hdr = header;
	next->acpi_rsdp_addr = now.acpi_rsdp_addr;
	next->e820_entries = now.e820_entries;
	memcpy(next->e820_table, now.e820_table, sizeof(now.e820_table));
	next->hdr.type_of_loader = 0xff;
	next->hdr.loadflags |= LOADED_HIGH;
	next->hdr.code32_start = (uint32_t)at;
	next->hdr.cmd_line_ptr = LOW_START + CMDLINE_AT;
	next->hdr.setup_data = 0;
	memcpy(low + CMDLINE_AT, cmdline, strlen(cmdline) + 1);
	legacy_put_jump((unsigned char *)low + JUMP_AT, LOW_START, at + ENTRY_64);
	segments[count++] = (struct kexec_segment){ low, low_len, (void *)LOW_START, low_len };
	segments[count++] = (struct kexec_segment){ kernel->at + setup_len, kernel->len - setup_len,
						    (void *)at, end - at };
	if (initrd->at) {
		uint64_t place = e820_place_top(&now, page_round_up(initrd->len),
						(uint64_t)header.initrd_addr_max + 1, at, end);

		if (!place)
			fail_errno(r, EADDRNOTAVAIL, "no usable memory for an initrd of %zu bytes",
				   initrd->len);
		next->hdr.ramdisk_image = (uint32_t)place;
		next->hdr.ramdisk_size = (uint32_t)initrd->len;
		segments[count++] = (struct kexec_segment){ initrd->at, initrd->len, (void *)place,
							    page_round_up(initrd->len) };
	}
	if (!r->error && syscall(SYS_kexec_load, LOW_START + JUMP_AT, count, segments,
				 (unsigned long)KEXEC_ARCH_DEFAULT))
		fail_errno(r, errno, "kexec_load");
	free(low);
	return !r->error;
}

/**
 * legacy_load() - Load the next kernel with kexec_load(2).
 * @r: the request
 * @kernel: the kernel
 * @initrd: the initrd, or -1
 * @cmdline: the command line
 *
 * This is the older call, in which user space places everything itself. It hands nothing over.
 *
 * Return: true, or false after the request has failed
 */
bool legacy_load(struct request *r, int kernel, int initrd, const char *cmdline)
{
	struct legacy_image k = { 0 }, i = { 0 };

	if (legacy_map_image(r, kernel, &k) && (initrd < 0 || legacy_map_image(r, initrd, &i)))
		legacy_place_and_load(r, &k, &i, cmdline);
	if (i.at)
		munmap(i.at, i.len);
	if (k.at)
		munmap(k.at, k.len);
	return !r->error;
}
