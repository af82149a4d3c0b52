// SPDX-License-Identifier: GPL-2.0-only
/*
 * The content that files are filled with. docs/agent-protocol.md, "Content pattern", defines
 * it.
 */
#define _GNU_SOURCE
#include "content/pattern.h"

#include <string.h>

static uint32_t pattern_mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/**
 * pattern_init() - Prepare the pattern of a seed.
 * @p: the pattern
 * @seed: the seed
 */
void pattern_init(struct pattern *p, uint32_t seed)
{
	p->seed = seed;
	for (uint32_t i = 0; i < PAIRS; i++) {
		uint64_t low = pattern_mix(seed * 0x9E3779B1u + 2 * i),
			 high = pattern_mix(seed * 0x9E3779B1u + 2 * i + 1);

		p->base[i] = high << 32 | low;
	}
}

static uint64_t pattern_tag(const struct pattern *p, uint64_t number)
{
	uint64_t low = pattern_mix(pattern_mix(p->seed + 0x85EBCA6Bu) + (uint32_t)number);
	uint64_t high = pattern_mix(pattern_mix(p->seed + 0x85EBCA6Bu * 2) + (uint32_t)number);

	return high << 32 | low;
}

/* Plain 64-bit loops: an emulated machine runs vector code several times slower. */
#pragma GCC optimize("no-tree-vectorize", "no-tree-slp-vectorize")

/**
 * pattern_fill() - Write whole pages of the pattern.
 * @p: the pattern
 * @to: where the pages go
 * @first_page: number of the first page
 * @pages: how many
 */
void pattern_fill(const struct pattern *p, uint64_t *to, uint64_t first_page, uint64_t pages)
{
	for (; pages--; first_page++, to += PAIRS) {
		uint64_t tag = pattern_tag(p, first_page);

		for (unsigned int i = 0; i < PAIRS; i += 8) {
			to[i] = p->base[i] ^ tag;
			to[i + 1] = p->base[i + 1] ^ tag;
			to[i + 2] = p->base[i + 2] ^ tag;
			to[i + 3] = p->base[i + 3] ^ tag;
			to[i + 4] = p->base[i + 4] ^ tag;
			to[i + 5] = p->base[i + 5] ^ tag;
			to[i + 6] = p->base[i + 6] ^ tag;
			to[i + 7] = p->base[i + 7] ^ tag;
		}
	}
}

/**
 * pattern_same() - Compare a page with the pattern.
 * @p: the pattern
 * @page: the page
 * @number: its number in the file
 *
 * Return: true if it is the same
 */
bool pattern_same(const struct pattern *p, const uint64_t *page, uint64_t number)
{
	uint64_t tag = pattern_tag(p, number), differs = 0;

	for (unsigned int i = 0; i < PAIRS; i += 8) {
		differs |= page[i] ^ p->base[i] ^ tag;
		differs |= page[i + 1] ^ p->base[i + 1] ^ tag;
		differs |= page[i + 2] ^ p->base[i + 2] ^ tag;
		differs |= page[i + 3] ^ p->base[i + 3] ^ tag;
		differs |= page[i + 4] ^ p->base[i + 4] ^ tag;
		differs |= page[i + 5] ^ p->base[i + 5] ^ tag;
		differs |= page[i + 6] ^ p->base[i + 6] ^ tag;
		differs |= page[i + 7] ^ p->base[i + 7] ^ tag;
	}
	return !differs;
}

/**
 * page_is_zero() - Tell whether a page holds only zeros.
 * @page: the page
 *
 * Return: true if it does
 */
bool page_is_zero(const uint64_t *page)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < PAIRS; i += 4)
		any |= page[i] | page[i + 1] | page[i + 2] | page[i + 3];
	return !any;
}

/**
 * pattern_page() - Write one page, which the end of the file may cut short.
 * @p: the pattern
 * @to: where the page goes
 * @number: its number in the file
 * @len: how many bytes belong to the file; the rest is zero
 */
void pattern_page(const struct pattern *p, uint64_t *to, uint64_t number, uint32_t len)
{
	pattern_fill(p, to, number, 1);
	memset((char *)to + len, 0, PAGE - len);
}
