// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes one allocation of an operation fail: the kernel's fault injection (lib/fault-inject.c)
 * counts the allocations of this thread in /proc/self/fail-nth.
 */
#define _GNU_SOURCE
#include "machine/failing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define NTH_MAX 1000000

/* By default the kernel fails only allocations that may not wait, which is hardly any. */
static const struct {
	const char *path, *value;
} switches[] = {
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
};

static bool failing_prepare(struct request *r)
{
	static bool prepared;

	for (size_t i = 0; !prepared && i < ARRAY_SIZE(switches); i++) {
		int fd = open(switches[i].path, O_WRONLY | O_CLOEXEC);
		size_t len = strlen(switches[i].value);

		if (fd < 0 || write(fd, switches[i].value, len) != (ssize_t)len) {
			fail_errno(r, EOPNOTSUPP, "this kernel fails no allocations: %s: %s",
				   switches[i].path, strerrorname_np(errno));
			if (fd >= 0)
				close(fd);
			return false;
		}
		close(fd);
	}
	prepared = true;
	return true;
}

/* Return: false after the request has failed */
static bool failing_set(struct request *r, int fd, uint64_t nth)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)nth);

	return pwrite(fd, text, (size_t)len, 0) == len || fail_errno(r, errno, "set fail-nth");
}

/* What is left of the count; 0 if an allocation failed. */
static uint64_t failing_left(int fd)
{
	char text[24] = "";
	uint64_t left = 0;
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len > 0)
		parse_decimal(text, text + strcspn(text, "\n"), NTH_MAX, &left);
	return left;
}

/**
 * failing_run() - Run an operation, one allocation of which fails if the request has `fail`.
 * @r: the request
 * @run: the operation
 *
 * With `retry`, an operation that ended with ENOMEM because of that runs a second time, when all
 * allocations work. The reply is that of the second one.
 *
 * Return: false after the request has failed
 */
bool failing_run(struct request *r, void (*run)(struct request *r))
{
	uint64_t nth = 0, retry = 0, left;
	int fd;

	if (!request_get(r, "fail")) {
		run(r);
		return !r->error;
	}
	if (!request_number(r, "fail", NTH_MAX, &nth) ||
	    (request_get(r, "retry") && !request_number(r, "retry", 1, &retry)))
		return false;
	if (!nth)
		return fail_request(r, "fail counts from 1");
	if (!failing_prepare(r))
		return false;
	fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(r, EOPNOTSUPP, "this kernel fails no allocations: fail-nth: %s",
				  strerrorname_np(errno));
	if (failing_set(r, fd, nth)) {
		run(r);
		left = failing_left(fd);
		failing_set(r, fd, 0);
		if (!left && retry && r->error && !strcmp(r->error, "ENOMEM")) {
			r->error = NULL;
			r->at[0] = 0;
			r->body->len = 0;
			run(r);
			put_bool(r, "again", true);
		}
		put_bool(r, "allocationFailed", !left);
		put_u64(r, "allocations", left ? nth - left : nth);
	}
	close(fd);
	return !r->error;
}
