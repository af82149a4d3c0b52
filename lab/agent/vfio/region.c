// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a device. They are read and written with system calls and not through a mapping:
 * a device whose memory is off, or that was unplugged, then answers with an errno and not with
 * a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ops.h"
#include "vfio/vfio.h"

#define CONFIG_BYTES 256
#define READ_MAX 65536u
#define WRITE_MAX 16384u

static bool region_place(struct request *r, const struct vfio_device *d, unsigned int region,
			 uint64_t offset, size_t width, off_t *at)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = region };

	if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return fail_errno(r, errno, "VFIO_DEVICE_GET_REGION_INFO of region %u", region);
	if (offset > info.size || width > info.size - offset)
		return fail_request(r, "region %u has %llu bytes", region,
				    (unsigned long long)info.size);
	*at = (off_t)(info.offset + offset);
	return true;
}

/* Half of a register is an error, like nothing at all. */
static bool region_whole(struct request *r, ssize_t n, size_t width, const char *what,
			 unsigned int region, uint64_t offset)
{
	return n == (ssize_t)width ||
	       fail_errno(r, n < 0 ? errno : EIO, "%s region %u at 0x%llx", what, region,
			  (unsigned long long)offset);
}

/**
 * region_read() - Read from a region of a device.
 * @r: the request
 * @d: the device
 * @region: number of the region
 * @offset: where in the region
 * @to: where the bytes go
 * @width: 1, 2, 4 or 8 bytes
 *
 * Return: true, or false after the request has failed
 */
bool region_read(struct request *r, const struct vfio_device *d, unsigned int region,
		 uint64_t offset, void *to, size_t width)
{
	off_t at;

	return region_place(r, d, region, offset, width, &at) &&
	       region_whole(r, pread(d->fd, to, width, at), width, "read", region, offset);
}

/**
 * region_write() - Write to a region of a device.
 * @r: the request
 * @d: the device
 * @region: number of the region
 * @offset: where in the region
 * @from: the bytes
 * @width: 1, 2, 4 or 8 bytes
 *
 * Return: true, or false after the request has failed
 */
bool region_write(struct request *r, const struct vfio_device *d, unsigned int region,
		  uint64_t offset, const void *from, size_t width)
{
	off_t at;

	return region_place(r, d, region, offset, width, &at) &&
	       region_whole(r, pwrite(d->fd, from, width, at), width, "write", region, offset);
}

static void region_put_bytes(struct request *r, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	put_raw(r, "bytes");
	text_str(r->body, "\"");
	for (size_t i = 0; i < len; i++) {
		text_add(r->body, &digits[bytes[i] >> 4], 1);
		text_add(r->body, &digits[bytes[i] & 15], 1);
	}
	text_str(r->body, "\"");
}

/**
 * op_vfio_config() - Operation vfio-config: read the configuration space.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_config(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	unsigned char bytes[CONFIG_BYTES];

	for (unsigned int at = 0; d && at < CONFIG_BYTES; at += 4)
		if (!region_read(r, d, VFIO_PCI_CONFIG_REGION_INDEX, at, bytes + at, 4))
			return false;
	if (d)
		region_put_bytes(r, bytes, CONFIG_BYTES);
	return d;
}

static int region_hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Turns hexadecimal digits into bytes; -1 if they are not pairs of digits. */
static int64_t region_from_hex(const char *hex, unsigned char *to, size_t room)
{
	size_t len = strlen(hex);

	if (len % 2 || len / 2 > room)
		return -1;
	for (size_t i = 0; i < len; i += 2) {
		int high = region_hex_digit(hex[i]), low = region_hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		to[i / 2] = (unsigned char)(high << 4 | low);
	}
	return (int64_t)len / 2;
}

/**
 * op_vfio_region() - Operation vfio-region: read or write a region.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_region(struct request *r)
{
	static unsigned char bytes[READ_MAX];
	struct vfio_device *d = vfio_get(r);
	const char *hex = request_get(r, "write");
	uint64_t region = 0, offset = 0, length = 0, width = 4;

	if (!d || !request_number(r, "region", 255, &region) ||
	    !request_number(r, "offset", INT64_MAX, &offset) ||
	    !request_number(r, "length", READ_MAX, &length) ||
	    !request_number(r, "width", 8, &width))
		return false;
	if (!width || (width & (width - 1)) || length % width || offset % width)
		return fail_request(r, "width is 1, 2, 4 or 8, and divides length and offset");
	if (hex && region_from_hex(hex, bytes, WRITE_MAX) != (int64_t)length)
		return fail_request(r, "write is %llu bytes in hexadecimal digits",
				    (unsigned long long)length);
	for (uint64_t at = 0; at < length; at += width)
		if (!(hex ? region_write(r, d, region, offset + at, bytes + at, width) :
			    region_read(r, d, region, offset + at, bytes + at, width)))
			return false;
	if (!hex)
		region_put_bytes(r, bytes, length);
	return true;
}
