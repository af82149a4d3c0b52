// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/*
 * Where reserve_mem=SIZE:ALIGN:NAME lies. The kernel tells user space in one place only: the description it hands over to the
 * next kernel ("memblock", a flattened device tree with one node a name), which debugfs shows. On 6.18 it exists from
 * finalize on; on later kernels from boot on. In a kernel that revived the range, in/ has what the old one wrote.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "ops.h"
#include "common/util.h"

#define FDT_MAGIC 0xd00dfeedu
enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

struct blob {
	const char *at;
	uint32_t len;
};

static uint32_t cell(const struct blob *b, uint32_t offset)
{
	uint32_t n = 0;

	if (offset <= b->len && b->len - offset >= 4)
		memcpy(&n, b->at + offset, 4);
	return ntohl(n);
}

/* A string inside the blob; "" if it does not end there. */
static const char *string(const struct blob *b, uint32_t offset)
{
	return offset < b->len && memchr(b->at + offset, 0, b->len - offset) ? b->at + offset : "";
}

/* start and size of the node name, one level below the root. Both are in the machine's own byte order, not in the tree's. */
static bool find_node(const struct blob *b, const char *name, uint64_t *start, uint64_t *size)
{
	uint32_t at = cell(b, 8), strings = cell(b, 12);
	bool inside = false, got_start = false, got_size = false;
	int depth = 0;

	if (cell(b, 0) != FDT_MAGIC)
		return false;
	while (at <= b->len - 4 && b->len >= 4) {
		uint32_t token = cell(b, at), len;

		at += 4;
		switch (token) {
		case BEGIN_NODE:
			depth++;
			inside = depth == 2 && !strcmp(string(b, at), name);
			at += ((uint32_t)strlen(string(b, at)) + 4) & ~3u;
			break;
		case END_NODE:
			if (inside)
				return got_start && got_size;
			depth--;
			break;
		case PROP: {
			const char *key = string(b, strings + cell(b, at + 4));

			len = cell(b, at);
			at += 8;
			if (at > b->len || len > b->len - at)
				return false;
			if (inside && len == 8 && !strcmp(key, "start")) {
				memcpy(start, b->at + at, 8);
				got_start = true;
			} else if (inside && len == 8 && !strcmp(key, "size")) {
				memcpy(size, b->at + at, 8);
				got_size = true;
			}
			at += (len + 3) & ~3u;
			break;
		}
		case NOP:
			break;
		default:
			return false;
		}
	}
	return false;
}

bool op_reserve_mem(struct request *r)
{
	static const char *const sides[] = { "out", "in" };
	const char *name = request_get(r, "name");
	uint64_t wanted = 0, start, size;
	static char tree[65536];
	bool any = false;

	if (!request_number(r, "size", UINT64_MAX, &wanted))
		return false;
	for (int i = 0; i < 2; i++) {
		char path[80] = "/sys/kernel/debug/kho/";
		ssize_t len;

		strcat(strcat(path, sides[i]), "/sub_fdts/memblock");
		len = read_small(path, tree, sizeof(tree));
		if (len < 0)
			continue;
		any = true;
		if (!find_node(&(struct blob){ tree, (uint32_t)len }, name, &start, &size))
			continue;
		if (wanted && wanted != size)
			return fail_errno(r, ERANGE, "%s has %llu bytes", name, (unsigned long long)size);
		put_u64(r, "phys", start);
		put_u64(r, "size", size);
		put_str(r, "from", sides[i]);
		return true;
	}
	return fail_errno(r, any ? ENOENT : ENODATA, any ? "no reserved range %s in debugfs kho/*/sub_fdts/memblock"
							 : "no debugfs kho/*/sub_fdts/memblock to look for %s in", name);
}
