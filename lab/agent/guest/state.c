// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state file of a guest: sections behind a header with a version. docs/guest-payload.md
 * defines it.
 */
#define _GNU_SOURCE
#include "guest/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define STATE_MAGIC 0x455441545342414cull /* LABSTATE */
#define STATE_HEADER sizeof(struct state_header)
#define STATE_MAX (1u << 20)
#define SECTIONS_MAX 256

struct section {
	uint16_t type, vcpu;
	uint32_t length;
};

static uint64_t state_align(uint64_t n)
{
	return (n + 7) & ~7ull;
}

/**
 * state_room() - Find a size for a state file.
 * @vcpus: number of vCPUs
 *
 * The machine and each vCPU need about 12 KiB, most of it for LAPIC, XSAVE, CPUID and MSRs.
 *
 * Return: the size in bytes
 */
uint64_t state_room(uint32_t vcpus)
{
	return 16384 + 32768ull * vcpus;
}

/**
 * state_head() - Find the header of a state.
 * @s: the state
 *
 * Return: the header
 */
struct state_header *state_head(const struct state *s)
{
	return (struct state_header *)s->bytes;
}

/**
 * state_begin() - Begin a state in memory.
 * @s: the state
 * @version: its version
 * @needs: the oldest version that can hold the guest
 */
void state_begin(struct state *s, uint32_t version, uint32_t needs)
{
	s->room = STATE_MAX;
	s->bytes = calloc(1, STATE_MAX);
	if (!s->bytes)
		_exit(12);
	*state_head(s) = (struct state_header){
		.magic = STATE_MAGIC, .version = version, .needs = needs, .length = STATE_HEADER
	};
}

/**
 * state_free() - Free the memory of a state.
 * @s: the state
 */
void state_free(struct state *s)
{
	free(s->bytes);
	s->bytes = NULL;
}

/**
 * state_section() - Get room for a section.
 * @s: the state
 * @room: the most bytes that it can have
 *
 * Return: where its bytes go, or NULL if there is no room
 */
void *state_section(struct state *s, uint64_t room)
{
	uint64_t at = state_head(s)->length;

	return at + sizeof(struct section) + room <= s->room ?
		       s->bytes + at + sizeof(struct section) :
		       NULL;
}

/**
 * state_section_end() - Finish the section that state_section() has begun.
 * @s: the state
 * @type: its type
 * @vcpu: number of the vCPU, or OF_MACHINE
 * @len: its real length in bytes
 */
void state_section_end(struct state *s, enum section_type type, unsigned int vcpu, uint64_t len)
{
	struct section section = { (uint16_t)type, (uint16_t)vcpu, (uint32_t)len };
	struct state_header *h = state_head(s);

	memcpy(s->bytes + h->length, &section, sizeof(section));
	h->length += state_align(sizeof(section) + len);
	h->sections++;
}

/*
 * FNV-1a over words of 64 bits. Each sum is rotated, because the highest bits of two words
 * would cancel otherwise.
 */
static uint64_t state_checksum(const struct state *s)
{
	uint64_t sum = 0xcbf29ce484222325ull, word;

	for (uint64_t at = STATE_HEADER; at < state_head(s)->length; at += sizeof(word)) {
		memcpy(&word, s->bytes + at, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3ull;
		sum = sum << 29 | sum >> 35;
	}
	return sum;
}

/**
 * state_write() - Write a state to its file.
 * @r: the request
 * @s: the state
 * @fd: the file
 *
 * Return: true, or false after the request has failed
 */
bool state_write(struct request *r, struct state *s, int fd)
{
	struct state_header *h = state_head(s);
	uint64_t size;

	if (file_size(fd, &size))
		return fail_errno(r, errno, "size of the state file");
	if (h->length > size)
		return fail_errno(r, ENOSPC, "the state has %llu bytes, its file %llu",
				  (unsigned long long)h->length, (unsigned long long)size);
	h->checksum = state_checksum(s);
	for (uint64_t done = 0; done < h->length;) {
		ssize_t n = pwrite(fd, s->bytes + done, h->length - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_errno(r, n ? errno : ENOSPC, "write the state file");
		done += (uint64_t)n;
	}
	return true;
}

/*
 * The section at *at, which then moves behind it; NULL at the end, or if the section does not
 * fit.
 */
static const struct section *state_next_section(const struct state *s, uint64_t *at)
{
	const struct section *section = (const void *)(s->bytes + *at);
	uint64_t end = state_head(s)->length;

	if (*at + sizeof(*section) > end || section->length > end - *at - sizeof(*section))
		return NULL;
	*at += state_align(sizeof(*section) + section->length);
	return section;
}

static bool section_is_known(uint16_t type)
{
	return (type >= SECTION_GUEST && type <= SECTION_DEVICES) ||
	       (type >= SECTION_CPUID && type <= SECTION_DEBUGREGS);
}

static bool state_check_sections(struct request *r, const struct state *s)
{
	const struct section *section;
	uint32_t count = 0;
	uint64_t at = STATE_HEADER;

	for (; count < SECTIONS_MAX && (section = state_next_section(s, &at)); count++)
		if (!section_is_known(section->type))
			return fail_errno(r, EOPNOTSUPP,
					  "section %u of the state is not known here",
					  section->type);
	if (count != state_head(s)->sections || at != state_head(s)->length)
		return fail_errno(r, EBADMSG, "the state's sections do not add up");
	return true;
}

static bool state_check_header(struct request *r, const struct state *s, uint64_t size,
			       uint32_t reads)
{
	const struct state_header *h = state_head(s);

	if (!h->magic && !h->version)
		return fail_errno(r, ENODATA, "no state was ever saved to this file");
	if (h->magic != STATE_MAGIC || !h->version)
		return fail_errno(r, EBADMSG, "not a state: it begins with %#llx",
				  (unsigned long long)h->magic);
	if (h->version > reads)
		return fail_errno(r, EOPNOTSUPP,
				  "the state has version %u, at most %u is known here", h->version,
				  reads);
	if (h->length < STATE_HEADER || h->length > size || h->length % 8)
		return fail_errno(r, EBADMSG,
				  "the state says that it has %llu bytes, the file has %llu",
				  (unsigned long long)h->length, (unsigned long long)size);
	return h->checksum == state_checksum(s) ||
	       fail_errno(r, EBADMSG, "the state's checksum is wrong");
}

/**
 * state_read() - Read a state from its file and check it.
 * @r: the request
 * @s: the state; the caller frees it, also after a failure
 * @fd: the file
 * @reads: the newest version that is accepted
 *
 * It fails with ENODATA, EOPNOTSUPP or EBADMSG, as docs/agent-protocol.md says.
 *
 * Return: true, or false after the request has failed
 */
bool state_read(struct request *r, struct state *s, int fd, uint32_t reads)
{
	uint64_t size, done = 0;
	ssize_t n = 1;

	if (file_size(fd, &size))
		return fail_errno(r, errno, "size of the state file");
	if (size < STATE_HEADER || size > STATE_MAX)
		return fail_errno(r, EBADMSG, "a state file of %llu bytes",
				  (unsigned long long)size);
	s->room = size;
	s->bytes = calloc(1, state_align(size));
	if (!s->bytes)
		_exit(12);
	while (done < size && (n = pread(fd, s->bytes + done, size - done, (off_t)done)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(r, errno, "read the state file");
		done += (uint64_t)n;
	}
	return state_check_header(r, s, size, reads) && state_check_sections(r, s);
}

/**
 * state_find() - Find a section.
 * @s: the state
 * @type: its type
 * @vcpu: number of the vCPU, or OF_MACHINE
 * @len: where its length goes
 *
 * Return: its bytes, or NULL
 */
const void *state_find(const struct state *s, enum section_type type, unsigned int vcpu,
		       uint64_t *len)
{
	const struct section *section;
	uint64_t at = STATE_HEADER;

	while ((section = state_next_section(s, &at))) {
		if (section->type == type && section->vcpu == vcpu) {
			*len = section->length;
			return section + 1;
		}
	}
	return NULL;
}
