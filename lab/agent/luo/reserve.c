// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the memory of reserve_mem=SIZE:ALIGN:NAME. The kernel shows it to user space in one
 * place only: debugfs has the description that it hands over to the next kernel ("memblock", a
 * flattened device tree with one node for each name). On 6.18 the description exists after
 * finalize, on later kernels from boot on. If this kernel got the memory from the previous one,
 * in/ has what that kernel wrote.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "ops.h"
#include "common/util.h"

#define FDT_MAGIC 0xd00dfeedu
enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9 };

struct fdt_blob {
	const char *at;
	uint32_t len;
};

static uint32_t fdt_cell(const struct fdt_blob *b, uint32_t offset)
{
	uint32_t n = 0;

	if (offset <= b->len && b->len - offset >= 4)
		memcpy(&n, b->at + offset, 4);
	return ntohl(n);
}

/* A string inside the tree; "" if it does not end there. */
static const char *fdt_string(const struct fdt_blob *b, uint32_t offset)
{
	return offset < b->len && memchr(b->at + offset, 0, b->len - offset) ? b->at + offset : "";
}

/*
 * Reads start and size of a node one level below the root. Both are in the byte order of the
 * machine, not of the tree.
 */
static bool fdt_find_node(const struct fdt_blob *b, const char *name, uint64_t *start,
			  uint64_t *size)
{
	uint32_t at = fdt_cell(b, 8), strings = fdt_cell(b, 12);
	bool inside = false, got_start = false, got_size = false;
	int depth = 0;

	if (fdt_cell(b, 0) != FDT_MAGIC)
		return false;
	while (at <= b->len - 4 && b->len >= 4) {
		uint32_t token = fdt_cell(b, at), len;

		at += 4;
		switch (token) {
		case FDT_BEGIN_NODE:
			depth++;
			inside = depth == 2 && !strcmp(fdt_string(b, at), name);
			at += ((uint32_t)strlen(fdt_string(b, at)) + 4) & ~3u;
			break;
		case FDT_END_NODE:
			if (inside)
				return got_start && got_size;
			depth--;
			break;
		case FDT_PROP: {
			const char *key = fdt_string(b, strings + fdt_cell(b, at + 4));

			len = fdt_cell(b, at);
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
		case FDT_NOP:
			break;
		default:
			return false;
		}
	}
	return false;
}

/**
 * op_reserve_mem() - Operation reserve-mem: find a reserved range of memory.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
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
		if (!fdt_find_node(&(struct fdt_blob){ tree, (uint32_t)len }, name, &start, &size))
			continue;
		if (wanted && wanted != size)
			return fail_errno(r, ERANGE, "%s has %llu bytes", name,
					  (unsigned long long)size);
		put_u64(r, "phys", start);
		put_u64(r, "size", size);
		put_str(r, "from", sides[i]);
		return true;
	}
	return fail_errno(r, any ? ENOENT : ENODATA,
			  any ? "no reserved range %s in debugfs kho/*/sub_fdts/memblock" :
				"no debugfs kho/*/sub_fdts/memblock to look for %s in",
			  name);
}
