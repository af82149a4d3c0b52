// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives a PCI device to vfio-pci with driver_override, and takes it back. This uses only sysfs.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"
#include "vfio/vfio.h"

#define DEVICES "/sys/bus/pci/devices/"
#define NAME_BYTES 256

/**
 * vfio_address() - Read the address of a device, like 0000:00:05.0.
 * @r: the request
 * @address: where the address goes
 *
 * Nothing else is accepted, because the address becomes part of a path.
 *
 * Return: true, or false after the request has failed
 */
bool vfio_address(struct request *r, const char **address)
{
	static const char shape[] = "xxxx:xx:xx.o";
	const char *at = request_get(r, "address");
	size_t i;

	for (i = 0; at[i] && shape[i]; i++) {
		if (shape[i] == 'x' ?
			    !isxdigit((unsigned char)at[i]) || isupper((unsigned char)at[i]) :
		    shape[i] == 'o' ? at[i] < '0' || at[i] > '7' :
				      at[i] != shape[i])
			break;
	}
	if (at[i] || shape[i])
		return fail_request(r, "an address is like 0000:00:05.0, not %.80s", at);
	*address = at;
	return true;
}

/* The last part of where a link of the device points to; "" if there is no such link. */
static void bind_link_name(const char *address, const char *link, char to[NAME_BYTES])
{
	char path[NAME_BYTES], target[NAME_BYTES * 4];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "%s/%s", address, link);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	snprintf(to, NAME_BYTES, "%s", strrchr(target, '/') ? strrchr(target, '/') + 1 : "");
}

static bool bind_write(struct request *r, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return fail_errno(r, errno, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return !err || fail_errno(r, err, "write %s to %s", *text == '\n' ? "nothing" : text, path);
}

static bool bind_override(struct request *r, const char *address, const char *driver)
{
	char path[NAME_BYTES];

	snprintf(path, sizeof(path), DEVICES "%s/driver_override", address);
	return bind_write(r, path, driver);
}

static bool bind_release(struct request *r, const char *address)
{
	char path[NAME_BYTES];

	snprintf(path, sizeof(path), DEVICES "%s/driver/unbind", address);
	return bind_write(r, path, address);
}

/**
 * vfio_bind() - Give a device to vfio-pci.
 * @r: the request
 * @address: its address
 *
 * Return: true, or false after the request has failed
 */
bool vfio_bind(struct request *r, const char *address)
{
	char driver[NAME_BYTES], path[NAME_BYTES];

	snprintf(path, sizeof(path), DEVICES "%s", address);
	if (access(path, F_OK))
		return fail_errno(r, ENODEV, "there is no PCI device %s", address);
	bind_link_name(address, "driver", driver);
	if (!strcmp(driver, "vfio-pci"))
		return true;
	if (!bind_override(r, address, "vfio-pci") || (*driver && !bind_release(r, address)) ||
	    !bind_write(r, "/sys/bus/pci/drivers_probe", address))
		return false;
	/* The probe does not report that a driver refused the device. */
	bind_link_name(address, "driver", driver);
	return !strcmp(driver, "vfio-pci") ||
	       fail_errno(r, ENODEV, "vfio-pci did not take %s, it belongs to %s", address,
			  *driver ? driver : "nobody");
}

/**
 * op_vfio_bind() - Operation vfio-bind: give a device to vfio-pci before its descriptor is
 *   retrieved.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_bind(struct request *r)
{
	const char *address;

	return vfio_address(r, &address) && vfio_bind(r, address);
}

/**
 * vfio_unbind() - Take a device away from vfio-pci; it has no driver afterwards.
 * @r: the request
 * @address: its address
 *
 * Return: true, or false after the request has failed
 */
bool vfio_unbind(struct request *r, const char *address)
{
	return bind_release(r, address) && bind_override(r, address, "\n");
}

/**
 * vfio_group() - Find the IOMMU group of a device.
 * @address: its address
 *
 * Return: number of the group, or -1 if there is none
 */
int vfio_group(const char *address)
{
	char group[NAME_BYTES];

	bind_link_name(address, "iommu_group", group);
	return *group ? atoi(group) : -1;
}

/**
 * vfio_group_others() - Append the other devices in the IOMMU group of a device, each with its
 *   driver.
 * @address: address of the device
 * @to: where the JSON list goes
 */
void vfio_group_others(const char *address, struct text *to)
{
	char path[NAME_BYTES], driver[NAME_BYTES], line[NAME_BYTES * 3];
	bool first = true;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), DEVICES "%s/iommu_group/devices", address);
	d = opendir(path);
	text_str(to, "[");
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, address))
			continue;
		bind_link_name(e->d_name, "driver", driver);
		snprintf(line, sizeof(line), "%s (%s)", e->d_name, *driver ? driver : "no driver");
		if (!first)
			text_str(to, ",");
		first = false;
		text_json(to, line);
	}
	text_str(to, "]");
	if (d)
		closedir(d);
}

/**
 * vfio_fail_group() - Fail a request because of the IOMMU group of a device.
 * @r: the request
 * @d: the device
 * @err: the errno
 * @what: what was tried
 *
 * The kernel refuses a device in a shared group with a bare errno. The other devices in the group
 * say why.
 *
 * Return: false, so that an operation can end with this call
 */
bool vfio_fail_group(struct request *r, const struct vfio_device *d, int err, const char *what)
{
	struct text others = { 0 };

	vfio_group_others(d->address, &others);
	fail_errno(r, err, "%s; others in IOMMU group %d: %.*s", what, vfio_group(d->address),
		   (int)(others.len > 300 ? 300 : others.len), others.at);
	text_free(&others);
	return false;
}
