// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "guest/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define MAGIC 0x455441545342414cull /* LABSTATE */
#define HEADER sizeof(struct state_header)
#define STATE_MAX (1u << 20)
#define SECTIONS_MAX 256

struct section {
	uint16_t type, vcpu;
	uint32_t length;
};

static uint64_t aligned(uint64_t n)
{
	return (n + 7) & ~7ull;
}

/* Room for what one vCPU and the machine need: about 12 KiB each, LAPIC, XSAVE, CPUID and MSRs most of it. */
uint64_t state_room(uint32_t vcpus)
{
	return 16384 + 32768ull * vcpus;
}

struct state_header *state_head(const struct state *s)
{
	return (struct state_header *)s->bytes;
}

void state_begin(struct state *s, uint32_t version, uint32_t needs)
{
	s->room = STATE_MAX;
	s->bytes = calloc(1, STATE_MAX);
	if (!s->bytes)
		_exit(12);
	*state_head(s) = (struct state_header){ .magic = MAGIC, .version = version, .needs = needs, .length = HEADER };
}

void state_free(struct state *s)
{
	free(s->bytes);
	s->bytes = NULL;
}

void *state_section(struct state *s, uint64_t room)
{
	uint64_t at = state_head(s)->length;

	return at + sizeof(struct section) + room <= s->room ? s->bytes + at + sizeof(struct section) : NULL;
}

void state_section_end(struct state *s, enum section_type type, unsigned vcpu, uint64_t len)
{
	struct section section = { (uint16_t)type, (uint16_t)vcpu, (uint32_t)len };
	struct state_header *h = state_head(s);

	memcpy(s->bytes + h->length, &section, sizeof(section));
	h->length += aligned(sizeof(section) + len);
	h->sections++;
}

/* FNV-1a over words of 64 bits, each turned: the highest bit of two words would cancel otherwise. */
static uint64_t checksum(const struct state *s)
{
	uint64_t sum = 0xcbf29ce484222325ull, word;

	for (uint64_t at = HEADER; at < state_head(s)->length; at += sizeof(word)) {
		memcpy(&word, s->bytes + at, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3ull;
		sum = sum << 29 | sum >> 35;
	}
	return sum;
}

bool state_write(struct request *r, struct state *s, int fd)
{
	struct state_header *h = state_head(s);
	uint64_t size;

	if (file_size(fd, &size))
		return fail_errno(r, errno, "size of the state file");
	if (h->length > size)
		return fail_errno(r, ENOSPC, "the state has %llu bytes, its file %llu", (unsigned long long)h->length, (unsigned long long)size);
	h->checksum = checksum(s);
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

/* The section at *at, *at moved behind it; NULL at the end or where it does not fit. */
static const struct section *next_section(const struct state *s, uint64_t *at)
{
	const struct section *section = (const void *)(s->bytes + *at);
	uint64_t end = state_head(s)->length;

	if (*at + sizeof(*section) > end || section->length > end - *at - sizeof(*section))
		return NULL;
	*at += aligned(sizeof(*section) + section->length);
	return section;
}

static bool known_type(uint16_t type)
{
	return (type >= SECTION_GUEST && type <= SECTION_DEVICES) || (type >= SECTION_CPUID && type <= SECTION_DEBUGREGS);
}

static bool check_sections(struct request *r, const struct state *s)
{
	const struct section *section;
	uint32_t count = 0;
	uint64_t at = HEADER;

	for (; count < SECTIONS_MAX && (section = next_section(s, &at)); count++)
		if (!known_type(section->type))
			return fail_errno(r, EOPNOTSUPP, "section %u of the state is not known here", section->type);
	if (count != state_head(s)->sections || at != state_head(s)->length)
		return fail_errno(r, EBADMSG, "the state's sections do not add up");
	return true;
}

static bool check_header(struct request *r, const struct state *s, uint64_t size, uint32_t reads)
{
	const struct state_header *h = state_head(s);

	if (!h->magic && !h->version)
		return fail_errno(r, ENODATA, "no state was ever saved to this file");
	if (h->magic != MAGIC || !h->version)
		return fail_errno(r, EBADMSG, "no state: it begins with %#llx", (unsigned long long)h->magic);
	if (h->version > reads)
		return fail_errno(r, EOPNOTSUPP, "the state has version %u, at most %u is known here", h->version, reads);
	if (h->length < HEADER || h->length > size || h->length % 8)
		return fail_errno(r, EBADMSG, "the state says that it has %llu bytes, the file has %llu", (unsigned long long)h->length, (unsigned long long)size);
	return h->checksum == checksum(s) || fail_errno(r, EBADMSG, "the state's checksum is wrong");
}

bool state_read(struct request *r, struct state *s, int fd, uint32_t reads)
{
	uint64_t size, done = 0;
	ssize_t n = 1;

	if (file_size(fd, &size))
		return fail_errno(r, errno, "size of the state file");
	if (size < HEADER || size > STATE_MAX)
		return fail_errno(r, EBADMSG, "a state file of %llu bytes", (unsigned long long)size);
	s->room = size;
	s->bytes = calloc(1, aligned(size));
	if (!s->bytes)
		_exit(12);
	while (done < size && (n = pread(fd, s->bytes + done, size - done, (off_t)done)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(r, errno, "read the state file");
		done += (uint64_t)n;
	}
	return check_header(r, s, size, reads) && check_sections(r, s);
}

const void *state_find(const struct state *s, enum section_type type, unsigned vcpu, uint64_t *len)
{
	const struct section *section;
	uint64_t at = HEADER;

	while ((section = next_section(s, &at))) {
		if (section->type == type && section->vcpu == vcpu) {
			*len = section->length;
			return section + 1;
		}
	}
	return NULL;
}
