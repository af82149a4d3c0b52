/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash chain, as docs/guest-payload.md defines it. The guest extends it. The VMM starts it
 * and checks it.
 */
#ifndef GUEST_CHAIN_H
#define GUEST_CHAIN_H

#include <stdbool.h>

#include "layout.h"

#define LINK_MAGIC 0x314b4e4cu /* LNK1 */
#define PAGE_WORDS (GUEST_PAGE / 4)

/* Pages are accessed as words of 32 and of 64 bits, and as a struct link. */
typedef uint32_t word32 __attribute__((may_alias));
typedef uint64_t word64 __attribute__((may_alias));

/* The first words of a chain page. */
struct link {
	uint32_t page, magic;
	uint64_t number;
	struct pair head, prev;
} __attribute__((may_alias));
#define LINK_WORDS (sizeof(struct link) / 4)

static inline uint32_t chain_mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

static inline void chain_base(uint32_t seed, word32 *base)
{
	for (uint32_t j = 0; j < PAGE_WORDS; j++)
		base[j] = chain_mix(seed * 0x9E3779B1u + j);
}

/* The head before the first link. */
static inline struct pair chain_root(uint32_t seed, uint32_t vcpu)
{
	return (struct pair){ chain_mix(seed + 1), chain_mix(seed + 2) ^ chain_mix(vcpu + 1) };
}

/* Adds one word to a lane. Without the rotation the highest bits of two words would cancel. */
static inline uint32_t chain_step(uint32_t lane, uint32_t word)
{
	lane = (lane ^ word) * 0x01000193u;
	return lane << 15 | lane >> 17;
}

static inline struct pair chain_digest_from(struct pair d, const word32 *words, uint32_t from,
					    uint32_t to)
{
	for (uint32_t j = from; j < to; j += 2) {
		d.a = chain_step(d.a, words[j]);
		d.b = chain_step(d.b, words[j + 1]);
	}
	return d;
}

#define DIGEST_START ((struct pair){ 0x811c9dc5u, 0x9dc5811cu })

/*
 * The digest of a chain page. The previous head in it counts as zero, so that the page can be
 * rebuilt when it is gone.
 */
static inline struct pair chain_digest(const word32 *page)
{
	struct pair d = chain_digest_from(DIGEST_START, page, 0, 6);

	d.a = chain_step(d.a, 0);
	d.b = chain_step(d.b, 0);
	return chain_digest_from(d, page, LINK_WORDS, PAGE_WORDS);
}

static inline struct pair chain_next(struct pair head, struct pair digest, uint64_t number)
{
	uint32_t b = chain_mix(head.b ^ digest.b ^ (uint32_t)(number >> 32));

	return (struct pair){ chain_mix(head.a ^ digest.a ^ (uint32_t)number ^ b), b };
}

static inline uint64_t chain_tag(struct pair head, uint32_t page)
{
	uint32_t low = chain_mix(head.a ^ chain_mix(page)),
		 high = chain_mix(head.b ^ chain_mix(page + 0x9E3779B1u));

	return (uint64_t)high << 32 | low;
}

/*
 * Writes two words at a time: the tag repeats every 64 bits. These are plain loops, because an
 * emulated machine runs vector code several times slower.
 */
static inline void chain_write(word64 *to, const word64 *base, const struct link *link)
{
	uint64_t tag = chain_tag(link->head, link->page);
	const word64 *first = (const word64 *)link;

	for (unsigned int i = 0; i < LINK_WORDS / 2; i++)
		to[i] = first[i];
	for (unsigned int i = LINK_WORDS / 2; i < PAGE_WORDS / 2; i += 4) {
		to[i] = base[i] ^ tag;
		to[i + 1] = base[i + 1] ^ tag;
		to[i + 2] = base[i + 2] ^ tag;
		to[i + 3] = base[i + 3] ^ tag;
	}
}

/* Tells whether a page is the one of this link, with the heads that it names itself. */
static inline bool chain_is(const word64 *page, const word64 *base, uint32_t number_of_page,
			    uint64_t link_number)
{
	const struct link *link = (const struct link *)page;
	uint64_t tag = chain_tag(link->head, number_of_page), differs = 0;

	if (link->page != number_of_page || link->magic != LINK_MAGIC ||
	    link->number != link_number)
		return false;
	for (unsigned int i = LINK_WORDS / 2; i < PAGE_WORDS / 2; i += 4) {
		differs |= page[i] ^ base[i] ^ tag;
		differs |= page[i + 1] ^ base[i + 1] ^ tag;
		differs |= page[i + 2] ^ base[i + 2] ^ tag;
		differs |= page[i + 3] ^ base[i + 3] ^ tag;
	}
	return !differs;
}

#endif
