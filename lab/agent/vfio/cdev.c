// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device through its own node and an iommufd. The domain (the hardware page table) is made at
 * once. It is attached last, when everything is mapped. So a device that is running already
 * never meets a table without its mappings.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat.h"
#include "vfio/vfio.h"

#define RANGES 32

static bool cdev_node(const char *address, char *to, size_t room)
{
	char path[128];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", address);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		found = !strncmp(e->d_name, "vfio", 4);
		snprintf(to, room, "/dev/vfio/devices/%s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

/**
 * cdev_there() - Tell whether the kernel has a device node and an iommufd for a device.
 * @address: its address
 *
 * Return: true if it has
 */
bool cdev_there(const char *address)
{
	char node[320];

	return cdev_node(address, node, sizeof(node)) && !access(node, F_OK) &&
	       !access("/dev/iommu", F_OK);
}

/* The IOVAs that the IOMMU offers, as [first, last] in hexadecimal strings. */
static bool cdev_put_ranges(struct request *r, const struct vfio_device *d)
{
	struct iommu_iova_range range[RANGES];
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = d->ioas,
		.num_iovas = RANGES,
		.allowed_iovas = (uintptr_t)range,
	};
	char text[64];

	/* EMSGSIZE: there are more than fit here. The first ones are enough. */
	if (ioctl(d->iommufd, IOMMU_IOAS_IOVA_RANGES, &arg) && errno != EMSGSIZE)
		return fail_errno(r, errno, "IOMMU_IOAS_IOVA_RANGES");
	put_raw(r, "ranges");
	text_str(r->body, "[");
	for (uint32_t i = 0; i < arg.num_iovas && i < RANGES; i++) {
		snprintf(text, sizeof(text), "%s[\"0x%llx\",\"0x%llx\"]", i ? "," : "",
			 (unsigned long long)range[i].start, (unsigned long long)range[i].last);
		text_str(r->body, text);
	}
	text_str(r->body, "]");
	return true;
}

/**
 * cdev_open() - Open a device and make its domain.
 * @r: the request
 * @d: the device; if it was retrieved, its fd and perhaps its iommufd are open already
 *
 * Return: true, or false after the request has failed
 */
bool cdev_open(struct request *r, struct vfio_device *d)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc hwpt = { .size = sizeof(hwpt) };
	char node[320];

	if (d->iommufd < 0)
		d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (d->iommufd < 0)
		return fail_errno(r, errno, "open /dev/iommu");
	if (d->fd < 0) {
		if (!cdev_node(d->address, node, sizeof(node)))
			return fail_errno(r, ENODEV,
					  "no device node for %s: CONFIG_VFIO_DEVICE_CDEV is off",
					  d->address);
		d->fd = open(node, O_RDWR | O_CLOEXEC);
		if (d->fd < 0)
			return fail_errno(r, errno, "open %s", node);
	}
	bind.iommufd = d->iommufd;
	if (ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return vfio_fail_group(r, d, errno, "VFIO_DEVICE_BIND_IOMMUFD");
	d->id = bind.out_devid;
	if (ioctl(d->iommufd, IOMMU_IOAS_ALLOC, &ioas))
		return fail_errno(r, errno, "IOMMU_IOAS_ALLOC");
	d->ioas = ioas.out_ioas_id;
	hwpt.dev_id = d->id;
	hwpt.pt_id = d->ioas;
	if (ioctl(d->iommufd, IOMMU_HWPT_ALLOC, &hwpt))
		return fail_errno(r, errno, "IOMMU_HWPT_ALLOC");
	d->hwpt = hwpt.out_hwpt_id;
	return cdev_put_ranges(r, d);
}

/**
 * cdev_attach() - Attach the domain to a device.
 * @r: the request
 * @d: the device
 *
 * Return: true, or false after the request has failed
 */
bool cdev_attach(struct request *r, struct vfio_device *d)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg), .pt_id = d->hwpt };

	return !ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg) ||
	       fail_errno(r, errno, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static unsigned int cdev_map_flags(unsigned int prot)
{
	return IOMMU_IOAS_MAP_FIXED_IOVA | (prot & PROT_READ ? IOMMU_IOAS_MAP_READABLE : 0) |
	       (prot & PROT_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0);
}

/**
 * cdev_map() - Map a file for a device.
 * @r: the request
 * @d: the device
 * @file: the file
 * @offset: where in the file
 * @prot: PROT_READ, PROT_WRITE or both
 * @m: length and IOVA of the mapping
 *
 * Return: true, or false after the request has failed
 */
bool cdev_map(struct request *r, struct vfio_device *d, int file, uint64_t offset,
	      unsigned int prot, struct vfio_mapping *m)
{
	struct iommu_ioas_map_file whole = {
		.size = sizeof(whole),
		.flags = cdev_map_flags(prot),
		.ioas_id = d->ioas,
		.fd = file,
		.start = offset,
		.length = m->length,
		.iova = m->iova,
	};
	struct iommu_ioas_map range = {
		.size = sizeof(range),
		.flags = cdev_map_flags(prot),
		.ioas_id = d->ioas,
		.length = m->length,
		.iova = m->iova,
	};

	if (!ioctl(d->iommufd, IOMMU_IOAS_MAP_FILE, &whole))
		return true;
	if (errno != ENOTTY && errno != EOPNOTSUPP)
		return fail_errno(r, errno, "IOMMU_IOAS_MAP_FILE");
	m->at = mmap(NULL, m->length, (int)prot, MAP_SHARED, file, (off_t)offset);
	if (m->at == MAP_FAILED) {
		m->at = NULL;
		return fail_errno(r, errno, "mmap");
	}
	range.user_va = (uintptr_t)m->at;
	return !ioctl(d->iommufd, IOMMU_IOAS_MAP, &range) || fail_errno(r, errno, "IOMMU_IOAS_MAP");
}

/**
 * cdev_unmap() - Remove a mapping of a device.
 * @r: the request
 * @d: the device
 * @m: the mapping
 *
 * Return: true, or false after the request has failed
 */
bool cdev_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m)
{
	struct iommu_ioas_unmap arg = {
		.size = sizeof(arg),
		.ioas_id = d->ioas,
		.iova = m->iova,
		.length = m->length,
	};

	return !ioctl(d->iommufd, IOMMU_IOAS_UNMAP, &arg) ||
	       fail_errno(r, errno, "IOMMU_IOAS_UNMAP");
}
