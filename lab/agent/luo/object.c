// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/labobj, the lab's own preserved object. It has pages like those of a file, and also an
 * array, a state and a label.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kernel/object/include/uapi/linux/labobj.h"
#include "content/fill.h"
#include "ops.h"
#include "common/registry.h"
#include "common/util.h"

#define ARRAY_MAX (64ull << 20)
#define VERSIONS_MAX 4096

/* The array holds the pattern of another seed than the pages. */
static void object_array_pattern(struct pattern *p, uint32_t seed)
{
	pattern_init(p, ~seed);
}

static bool object_keys(struct request *r, uint32_t *seed, uint64_t *array)
{
	uint64_t number = 0;

	if (!request_number(r, "seed", UINT32_MAX, &number) ||
	    !request_number(r, "array", ARRAY_MAX, array))
		return false;
	*seed = (uint32_t)number;
	return true;
}

static bool object_array_io(struct request *r, int fd, bool write, uint64_t offset, void *bytes,
			    uint64_t length)
{
	struct labobj_array arg = { .offset = offset,
				    .length = length,
				    .buffer = (uintptr_t)bytes };

	return !ioctl(fd, write ? LABOBJ_ARRAY_WRITE : LABOBJ_ARRAY_READ, &arg) ||
	       fail_errno(r, errno, "%s at byte %llu", write ? "ARRAY_WRITE" : "ARRAY_READ",
			  (unsigned long long)offset);
}

static bool object_fill_array(struct request *r, int fd, uint32_t seed, uint64_t length)
{
	uint64_t page[PAIRS];
	struct pattern p;

	object_array_pattern(&p, seed);
	for (uint64_t at = 0; at < length; at += PAGE) {
		uint32_t len = length - at < PAGE ? (uint32_t)(length - at) : PAGE;

		pattern_page(&p, page, at / PAGE, len);
		if (!object_array_io(r, fd, true, at, page, len))
			return false;
	}
	return true;
}

/**
 * op_object() - Operation object: make an object and fill it.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_object(struct request *r)
{
	struct labobj_setup setup = { 0 };
	const char *name = request_get(r, "file"), *label = request_get(r, "label");
	uint64_t size = 0, state = 0, array = 0;
	struct pattern p;
	uint32_t seed = 0;
	int fd;

	if (registry_get(&files, name) >= 0)
		return fail_request(r, "there is a file %.80s already", name);
	if (!request_number(r, "size", 1ull << 40, &size) || !object_keys(r, &seed, &array) ||
	    !request_number(r, "state", UINT64_MAX, &state))
		return false;
	if (size % PAGE || (label && strlen(label) > LABOBJ_LABEL))
		return fail_request(r, "an object has whole pages, and a label of at most %d bytes",
				    LABOBJ_LABEL);
	setup.pages = size / PAGE;
	setup.array = array;
	setup.state = state;
	if (label)
		memcpy(setup.label, label, strlen(label));
	fd = open("/dev/labobj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(r, errno, "open /dev/labobj");
	pattern_init(&p, seed);
	if (ioctl(fd, LABOBJ_SETUP, &setup))
		fail_errno(r, errno, "LABOBJ_SETUP");
	else if (fill_by_write(r, fd, &p, size, 0, setup.pages))
		object_fill_array(r, fd, seed, array);
	if (r->error) {
		close(fd);
		return false;
	}
	registry_put(&files, name, fd);
	return true;
}

/* Counts the pages of the array that differ; -1 after an error. */
static int64_t object_bad_array_pages(struct request *r, int fd, uint32_t seed, uint64_t length)
{
	uint64_t want[PAIRS], got[PAIRS];
	struct pattern p;
	int64_t bad = 0;

	object_array_pattern(&p, seed);
	for (uint64_t at = 0; at < length; at += PAGE) {
		uint32_t len = length - at < PAGE ? (uint32_t)(length - at) : PAGE;

		memset(got, 0, sizeof(got));
		if (!object_array_io(r, fd, false, at, got, len))
			return -1;
		pattern_page(&p, want, at / PAGE, len);
		bad += !!memcmp(want, got, PAGE);
	}
	return bad;
}

/**
 * op_object_stat() - Operation object-stat: compare the array and report the other parts of an
 *   object.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_object_stat(struct request *r)
{
	const char *name = request_get(r, "file");
	struct labobj_info info = { 0 };
	char label[LABOBJ_LABEL + 1] = "";
	int fd = registry_get(&files, name);
	uint64_t array = 0, length;
	uint32_t seed = 0;
	int64_t bad;

	if (fd < 0)
		return fail_handle(r, "file", name);
	if (!object_keys(r, &seed, &array))
		return false;
	if (ioctl(fd, LABOBJ_INFO, &info))
		return fail_errno(r, errno, "LABOBJ_INFO");
	length = info.array < array ? info.array :
				      array; /* if the length differs, the reply says so */
	bad = object_bad_array_pages(r, fd, seed, length);
	if (bad < 0)
		return false;
	memcpy(label, info.label, LABOBJ_LABEL);
	put_u64(r, "array", info.array);
	put_u64(r, "badArray", (uint64_t)bad);
	put_u64(r, "state", info.state);
	put_str(r, "label", label);
	put_u64(r, "needs", info.needs);
	put_u64(r, "arrived", info.arrived);
	return true;
}

/**
 * op_versions() - Operation versions: report what the kernel can read and write, and what it
 *   would hand over now.
 * @r: the request
 *
 * Only kernels with the lab's object have this file.
 *
 * Return: true, or false after the request has failed
 */
bool op_versions(struct request *r)
{
	static const char path[] = "/sys/kernel/debug/labobj/versions";
	char text[VERSIONS_MAX];
	bool there = read_small(path, text, sizeof(text)) >= 0;

	put_bool(r, "present", there);
	if (there)
		put_str(r, "text", text);
	return true;
}
