// SPDX-License-Identifier: GPL-2.0-only
/* guest-create: makes a guest with its two files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/make.h"
#include "memory/memory.h"
#include "ops.h"
#include "common/registry.h"
#include "common/util.h"

#define HUGE_BYTES (2ull << 20)
#define SIZE_MIN (1ull << 20)

/**
 * guest_map_ram() - Map a file as the RAM of a guest.
 * @r: the request
 * @g: the guest
 * @fd: the file, of g->size bytes
 *
 * Huge entries, for us and for the guest, need an address and an offset that are equal modulo 2
 * MiB.
 *
 * Return: true, or false after the request has failed
 */
bool guest_map_ram(struct request *r, struct guest *g, int fd)
{
	char *space = mmap(NULL, g->size + HUGE_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
	     *at, *end;

	if (space == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	at = (char *)(((uintptr_t)space + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	end = at + g->size;
	if (at > space)
		munmap(space, (size_t)(at - space));
	munmap(end, (size_t)(space + g->size + HUGE_BYTES - end));
	if (mmap(at, g->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED) {
		fail_errno(r, errno, "mmap of the RAM file");
		munmap(at, g->size);
		return false;
	}
	g->ram = (uint8_t *)at;
	return true;
}

/**
 * guest_needs() - Find the oldest version of the state file that can hold a guest.
 * @g: the guest
 *
 * Version 1 has one vCPU and no debug registers. Only version 3 has devices.
 *
 * Return: the version
 */
uint32_t guest_needs(const struct guest *g)
{
	if (g->devices)
		return 3;
	return g->vcpus > 1 || (g->features & GUEST_DEBUGREGS) ? 2 : 1;
}

/**
 * guest_put_identity() - Add kind, vcpus, size, features and needs to the reply.
 * @r: the request
 * @g: the guest
 */
void guest_put_identity(struct request *r, const struct guest *g)
{
	put_str(r, "kind", guest_kinds[g->kind]);
	put_u64(r, "vcpus", g->vcpus);
	put_u64(r, "size", g->size);
	put_raw(r, "features");
	text_str(r->body, g->features & GUEST_DEBUGREGS ? "[\"debugregs\"]" : "[]");
	put_u64(r, "needs", g->needs);
}

static bool create_keys(struct request *r, struct guest *g)
{
	const char *features = request_get(r, "features");
	uint64_t vcpus = 1, seed = 1;

	if (!request_number(r, "size", GUEST_SIZE_MAX, &g->size) ||
	    !request_number(r, "vcpus", GUEST_VCPUS, &vcpus) ||
	    !request_number(r, "seed", UINT32_MAX, &seed))
		return false;
	if (g->size % PAGE || g->size < SIZE_MIN || !vcpus)
		return fail_request(r, "expected 1 to %u vCPUs, whole pages, at least %llu bytes",
				    GUEST_VCPUS, SIZE_MIN);
	if (features && *features && strcmp(features, "debugregs"))
		return fail_request(r, "the only feature is debugregs: %.80s", features);
	if (g->kind == GUEST_LINUX &&
	    (request_get(r, "seed") || request_get(r, "period") || request_get(r, "batch")))
		return fail_request(r, "seed, period and batch are for a bare guest");
	if (g->kind == GUEST_BARE &&
	    (request_get(r, "kernel") || request_get(r, "cmdline") || request_get(r, "initrd")))
		return fail_request(r, "kernel, cmdline and initrd are for a Linux guest");
	if (!guest_devices_parse(r, g))
		return false;
	g->vcpus = (uint32_t)vcpus;
	g->seed = (uint32_t)seed;
	g->features = features && *features ? GUEST_DEBUGREGS : 0;
	g->needs = guest_needs(g);
	return true;
}

static int create_file(struct request *r, const char *key, uint64_t size)
{
	int fd = memfd_create(request_get(r, key), MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size)) {
		fail_errno(r, errno, "memfd for %s", key);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Huge pages come with the first touch, so they are requested before. */
static bool create_lay_out(struct request *r, struct guest *g, bool huge)
{
	if (huge) {
		memory_allow_huge();
		madvise(g->ram, g->size, MADV_HUGEPAGE);
	}
	if (!(g->kind == GUEST_BARE ? bare_layout(r, g) : linux_layout(r, g)))
		return false;
	put_u64(r, "hugeKb", huge ? memory_huge_kb(g->ram, g->size) : 0);
	return true;
}

static bool create_build(struct request *r, struct guest *g, int ram, bool huge)
{
	return guest_map_ram(r, g, ram) && vm_make(r, g) && vm_default_cpuid(r, g) &&
	       create_lay_out(r, g, huge);
}

/**
 * op_guest_create() - Operation guest-create: make a guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_create(struct request *r)
{
	const char *kind = request_get(r, "kind"), *file = request_get(r, "file"),
		   *state = request_get(r, "state");
	bool linux_kind = !strcmp(kind, guest_kinds[GUEST_LINUX]);
	int ram = -1, state_fd = -1;
	uint64_t huge = 0;
	struct guest *g;

	if (!linux_kind && strcmp(kind, guest_kinds[GUEST_BARE]))
		return fail_request(r, "kind is bare or linux: %.80s", kind);
	if (!guest_name_free(r) || !request_number(r, "huge", 1, &huge))
		return false;
	if (registry_get(&files, file) >= 0 || registry_get(&files, state) >= 0 ||
	    !strcmp(file, state))
		return fail_request(r, "file and state are two new names: %.80s, %.80s", file,
				    state);
	g = guest_new(r, linux_kind ? GUEST_LINUX : GUEST_BARE);
	if (create_keys(r, g) && memory_room_for(r, g->size / PAGE))
		ram = create_file(r, "file", g->size);
	if (ram >= 0)
		state_fd = create_file(r, "state", state_room(g->vcpus));
	if (state_fd >= 0 && create_build(r, g, ram, huge)) {
		g->state_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 0);
		if (g->state_fd < 0)
			fail_errno(r, errno, "dup");
	}
	if (r->error) {
		if (ram >= 0)
			close(ram);
		if (state_fd >= 0)
			close(state_fd);
		guest_free(g);
		return false;
	}
	registry_put(&files, file, ram);
	registry_put(&files, state, state_fd);
	guest_add(g);
	put_u64(r, "stateSize", state_room(g->vcpus));
	put_u64(r, "needs", g->needs);
	return true;
}
