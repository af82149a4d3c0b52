// SPDX-License-Identifier: GPL-2.0-only
/* vfio-open: opens a device and describes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ops.h"
#include "common/registry.h"
#include "vfio/vfio.h"

#define REGIONS_MAX 32u

static bool vfio_put_regions(struct request *r, const struct vfio_device *d, unsigned int count)
{
	bool first = true;

	put_raw(r, "regions");
	text_str(r->body, "[");
	for (unsigned int i = 0; i < count && i < REGIONS_MAX; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		/*
		 * The kernel returns an error for regions that the device does not have, like
		 * VGA.
		 */
		if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &info) || !info.size)
			continue;
		text_str(r->body, first ? "{\"index\":" : ",{\"index\":");
		first = false;
		text_u64(r->body, i);
		put_u64(r, "size", info.size);
		put_bool(r, "read", info.flags & VFIO_REGION_INFO_FLAG_READ);
		put_bool(r, "write", info.flags & VFIO_REGION_INFO_FLAG_WRITE);
		put_bool(r, "mmap", info.flags & VFIO_REGION_INFO_FLAG_MMAP);
		text_str(r->body, "}");
	}
	text_str(r->body, "]");
	return true;
}

static void vfio_put_irqs(struct request *r, const struct vfio_device *d, unsigned int count)
{
	static const char *const names[] = { "intx", "msi", "msix", "err", "req" };

	put_raw(r, "irqs");
	text_str(r->body, "{\"count\":");
	text_u64(r->body, count);
	for (unsigned int i = 0; i < count && i < ARRAY_SIZE(names); i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };

		if (!ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &info))
			put_u64(r, names[i], info.count);
	}
	text_str(r->body, "}");
}

static bool vfio_describe(struct request *r, const struct vfio_device *d)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint16_t id[2];
	int group = vfio_group(d->address);

	if (ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info))
		return fail_errno(r, errno, "VFIO_DEVICE_GET_INFO");
	if (!region_read(r, d, VFIO_PCI_CONFIG_REGION_INDEX, 0, &id[0], 2) ||
	    !region_read(r, d, VFIO_PCI_CONFIG_REGION_INDEX, 2, &id[1], 2))
		return false;
	put_str(r, "via", d->cdev ? "cdev" : "group");
	put_u64(r, "vendorId", id[0]);
	put_u64(r, "deviceId", id[1]);
	put_bool(r, "reset", info.flags & VFIO_DEVICE_FLAGS_RESET);
	if (group >= 0)
		put_u64(r, "group", (uint64_t)group);
	put_raw(r, "others");
	vfio_group_others(d->address, r->body);
	vfio_put_irqs(r, d, info.num_irqs);
	return vfio_put_regions(r, d, info.num_regions);
}

/* The iommufd is a descriptor like any other. Under a name it can be added to a session. */
static bool vfio_name_iommufd(struct request *r, const struct vfio_device *d, const char *name)
{
	int copy = fcntl(d->iommufd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return fail_errno(r, errno, "dup");
	registry_put(&files, name, copy);
	return true;
}

static bool vfio_names_free(struct request *r, const char *name, const char *iommufd,
			    bool retrieved)
{
	if (!retrieved && registry_get(&files, name) >= 0)
		return fail_request(r, "there is a file %.80s already", name);
	if (retrieved && registry_get(&files, name) < 0)
		return fail_handle(r, "file", name);
	/* A retrieved iommufd is there already. The device is then bound to it. */
	return !iommufd || retrieved || registry_get(&files, iommufd) < 0 ||
	       fail_request(r, "there is a file %.80s already", iommufd);
}

/**
 * op_vfio_open() - Operation vfio-open: open a device through VFIO.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_open(struct request *r)
{
	const char *name = request_get(r, "device"), *via = request_get(r, "via"),
		   *iommufd = request_get(r, "iommufd"), *address;
	struct vfio_device d = {
		.name = (char *)name,
		.fd = -1,
		.iommufd = -1,
		.group = -1,
		.container = -1,
		.irq = -1,
	};
	uint64_t retrieved = 0;
	bool group = via && !strcmp(via, "group");

	if (via && !group && strcmp(via, "cdev"))
		return fail_request(r, "via is cdev or group, not %.80s", via);
	if (!request_number(r, "retrieved", 1, &retrieved) || !vfio_address(r, &address))
		return false;
	if (group && (retrieved || iommufd))
		return fail_request(r, "a group has no iommufd and cannot be retrieved");
	if (!vfio_names_free(r, name, iommufd, retrieved) || !vfio_bind(r, address))
		return false;
	snprintf(d.address, sizeof(d.address), "%s", address);
	d.cdev = via || retrieved || iommufd ? !group : cdev_there(address);
	if (retrieved) {
		d.fd = registry_get(&files, name);
		if (iommufd && registry_get(&files, iommufd) >= 0)
			d.iommufd = fcntl(registry_get(&files, iommufd), F_DUPFD_CLOEXEC, 0);
	}
	if ((d.cdev ? cdev_open(r, &d) : container_open(r, &d)) && vfio_describe(r, &d) &&
	    (!iommufd || registry_get(&files, iommufd) >= 0 || vfio_name_iommufd(r, &d, iommufd))) {
		vfio_put(&d);
		return true;
	}
	if (d.fd >= 0 && !retrieved)
		close(d.fd);
	vfio_release(&d);
	r->body->len = 0;
	return false;
}
