// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device through its group and a type1 container, for kernels without device nodes. The
 * device is attached to an empty domain before anything can be mapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio/vfio.h"

/**
 * container_open() - Open a device.
 * @r: the request
 * @d: the device
 *
 * Return: true, or false after the request has failed
 */
bool container_open(struct request *r, struct vfio_device *d)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char node[64];

	snprintf(node, sizeof(node), "/dev/vfio/%d", vfio_group(d->address));
	d->group = open(node, O_RDWR | O_CLOEXEC);
	if (d->group < 0)
		return fail_errno(r, errno, "open %s", node);
	d->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (d->container < 0)
		return fail_errno(r, errno, "open /dev/vfio/vfio");
	if (ioctl(d->group, VFIO_GROUP_GET_STATUS, &status))
		return fail_errno(r, errno, "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return vfio_fail_group(r, d, EPERM, "the group is not with VFIO alone");
	if (ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container))
		return fail_errno(r, errno, "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return fail_errno(r, errno, "VFIO_SET_IOMMU");
	d->fd = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, d->address);
	return d->fd >= 0 || fail_errno(r, errno, "VFIO_GROUP_GET_DEVICE_FD");
}

/**
 * container_map() - Map a file for a device.
 * @r: the request
 * @d: the device
 * @file: the file
 * @offset: where in the file
 * @prot: PROT_READ, PROT_WRITE or both
 * @m: length and IOVA of the mapping
 *
 * Return: true, or false after the request has failed
 */
bool container_map(struct request *r, struct vfio_device *d, int file, uint64_t offset,
		   unsigned int prot, struct vfio_mapping *m)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
						.iova = m->iova,
						.size = m->length };

	arg.flags = (prot & PROT_READ ? VFIO_DMA_MAP_FLAG_READ : 0) |
		    (prot & PROT_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0);
	m->at = mmap(NULL, m->length, (int)prot, MAP_SHARED, file, (off_t)offset);
	if (m->at == MAP_FAILED) {
		m->at = NULL;
		return fail_errno(r, errno, "mmap");
	}
	arg.vaddr = (uintptr_t)m->at;
	return !ioctl(d->container, VFIO_IOMMU_MAP_DMA, &arg) ||
	       fail_errno(r, errno, "VFIO_IOMMU_MAP_DMA");
}

/**
 * container_unmap() - Remove a mapping of a device.
 * @r: the request
 * @d: the device
 * @m: the mapping
 *
 * Return: true, or false after the request has failed
 */
bool container_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = m->iova,
						  .size = m->length };

	return !ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &arg) ||
	       fail_errno(r, errno, "VFIO_IOMMU_UNMAP_DMA");
}
