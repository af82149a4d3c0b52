// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest-check: checks the memory of a bare guest by the rules of docs/guest-payload.md, from
 * inside the machine, while the guest does not run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../guest/bare/chain.h"
#include "guest/guest.h"
#include "ops.h"
#include "content/page-runs.h"
#include "common/registry.h"
#include "common/util.h"

#define WORDS64 (GUEST_PAGE / 8)
#define LINKS_MAX (1ull << 56) /* no sound guest gets that far; counting beyond it would wrap */

struct checker {
	struct request *r;
	int fd;
	struct control control;
	uint64_t base[WORDS64];
	uint64_t bad;
	struct page_runs runs;
};

/*
 * Reads with pread(). A page that is not there reads as zeros and stays absent, and no page can
 * raise SIGBUS.
 */
static bool check_read_page(struct checker *c, uint32_t page, void *to)
{
	ssize_t n = pread(c->fd, to, GUEST_PAGE, (off_t)page * GUEST_PAGE);

	if (n == (ssize_t)GUEST_PAGE)
		return true;
	return fail_errno(c->r, n < 0 ? errno : ENODATA, "read page %u of the RAM file", page);
}

static bool check_load_control(struct checker *c)
{
	uint64_t page[WORDS64];
	uint64_t size;

	if (file_size(c->fd, &size))
		return fail_errno(c->r, errno, "size of the RAM file");
	if (!check_read_page(c, PAGE_CONTROL, page))
		return false;
	memcpy(&c->control, page, sizeof(c->control));
	if (c->control.magic != GUEST_MAGIC || c->control.layout != GUEST_LAYOUT ||
	    !c->control.vcpus || c->control.vcpus > GUEST_VCPUS ||
	    c->control.pages != size / GUEST_PAGE)
		return fail_errno(c->r, EBADMSG,
				  "page 0 is no control page of a bare guest of this size");
	for (uint32_t v = 0; v < c->control.vcpus; v++) {
		const struct share *s = &c->control.share[v];

		if (!s->pages || s->first < c->control.first || s->first >= c->control.pages ||
		    s->pages > c->control.pages - s->first || s->links < s->pages ||
		    s->links > LINKS_MAX)
			return fail_errno(c->r, EBADMSG, "the control page is damaged: vCPU %u", v);
	}
	chain_base(c->control.seed, (word32 *)c->base);
	return true;
}

static bool check_constant(struct checker *c, bool *same)
{
	struct pair d = DIGEST_START;
	uint32_t page[PAGE_WORDS];

	for (uint32_t i = 0; i < CONSTANT_PAGES; i++) {
		if (!check_read_page(c, PAGE_PROGRAM + i, page))
			return false;
		d = chain_digest_from(d, page, 0, PAGE_WORDS);
	}
	*same = d.a == c->control.constant.a && d.b == c->control.constant.b;
	return true;
}

/*
 * The page that the vCPU was writing when it stopped. Each word is the old one or the new one.
 */
static bool check_in_work(const struct checker *c, const struct share *s, const word64 *got,
			  uint32_t page)
{
	struct link old = { page, LINK_MAGIC, s->working - s->pages, s->old_head, s->old_prev };
	struct link new = { page, LINK_MAGIC, s->working, s->next, s->old_head };
	uint64_t before[WORDS64], after[WORDS64];

	chain_write(before, c->base, &old);
	chain_write(after, c->base, &new);
	for (uint32_t i = 0; i < PAGE_WORDS; i++) {
		uint32_t word = ((const word32 *)got)[i];

		if (word != ((const word32 *)before)[i] && word != ((const word32 *)after)[i])
			return false;
	}
	return true;
}

/* The digest of the page that a link replaced; the page is rebuilt for it. */
static struct pair check_replaced(const struct checker *c, const struct share *s,
				  const struct link *link)
{
	struct link old = { link->page, LINK_MAGIC, link->number - s->pages, link->prev, { 0, 0 } };
	uint64_t page[WORDS64];

	if (link->number <= s->pages)
		return (struct pair){ 0, 0 };
	chain_write(page, c->base, &old);
	return chain_digest((const word32 *)page);
}

static bool pair_same(struct pair x, struct pair y)
{
	return x.a == y.a && x.b == y.b;
}

#define UNBROKEN UINT32_MAX

/*
 * Follows the links from the oldest that is still there. broken is the first page whose head
 * does not follow from the one before. The control page has the last head.
 */
static bool check_share(struct checker *c, uint32_t vcpu, uint32_t *broken)
{
	const struct share *s = &c->control.share[vcpu];
	bool working = s->working == s->links + 1, known = s->links == s->pages;
	struct pair head = chain_root(c->control.seed, vcpu);

	*broken = UNBROKEN;
	for (uint64_t number = s->links - s->pages + 1; number <= s->links; number++) {
		uint32_t page = s->first + (uint32_t)((number - 1) % s->pages);
		uint64_t got[WORDS64];
		const struct link *link = (const struct link *)got;
		bool good;

		if (!check_read_page(c, page, got))
			return false;
		if (working && number + s->pages == s->working) {
			good = check_in_work(c, s, got, page);
			head = s->old_head;
			known = true;
		} else {
			good = chain_is(got, c->base, page, number);
			if (good && known && *broken == UNBROKEN &&
			    !pair_same(link->head,
				       chain_next(head, check_replaced(c, s, link), number)))
				*broken = page;
			known = good;
			head = link->head;
		}
		if (!good) {
			c->bad++;
			page_runs_add(&c->runs, page);
		}
	}
	if (known && *broken == UNBROKEN && !pair_same(head, s->head) &&
	    !(working && pair_same(s->next, s->head)))
		*broken = PAGE_CONTROL;
	return true;
}

static bool check_shares(struct checker *c)
{
	char text[96];

	put_raw(c->r, "chain");
	for (uint32_t v = 0; v < c->control.vcpus; v++) {
		const struct share *s = &c->control.share[v];
		uint32_t broken;

		if (!check_share(c, v, &broken))
			return false;
		text_str(c->r->body, v ? ",{\"links\":" : "[{\"links\":");
		text_u64(c->r->body, s->links);
		snprintf(text, sizeof(text), ",\"head\":\"%08x%08x\",\"brokenAt\":", s->head.a,
			 s->head.b);
		text_str(c->r->body, text);
		if (broken == UNBROKEN)
			text_str(c->r->body, "null");
		else
			text_u64(c->r->body, broken);
		text_str(c->r->body, "}");
	}
	text_str(c->r->body, "]");
	return true;
}

/**
 * op_guest_check() - Operation guest-check: check the memory of a bare guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_check(struct request *r)
{
	const char *name = request_get(r, "file");
	struct checker c = { .r = r, .fd = registry_get(&files, name) };
	bool constant = false;

	if (c.fd < 0)
		return fail_handle(r, "file", name);
	if (!check_load_control(&c) || !check_constant(&c, &constant) || !check_shares(&c))
		return false;
	put_bool(r, "constant", constant);
	put_u64(r, "pages", c.control.pages);
	put_u64(r, "bad", c.bad);
	put_raw(r, "firstBad");
	if (c.runs.count)
		text_u64(r->body, c.runs.at[0].first);
	else
		text_str(r->body, "null");
	put_page_runs(r, "ranges", &c.runs);
	return true;
}
