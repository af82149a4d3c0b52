// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/*
 * A device through its own node and iommufd. Its domain (hardware page table) is made at once and attached last, when everything is
 * mapped: a device that is already running then never sees a table without its mappings.
 */
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

static bool node_of(const char *address, char *to, size_t room)
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

bool cdev_there(const char *address)
{
	char node[320];

	return node_of(address, node, sizeof(node)) && !access(node, F_OK) && !access("/dev/iommu", F_OK);
}

/* The kernel refuses a device whose group it cannot isolate with a bare errno; who else is in the group says why. */
static bool fail_bind(struct request *r, const struct vfio_device *d, int err)
{
	struct text others = { 0 };

	vfio_group_others(d->address, &others);
	fail_errno(r, err, "VFIO_DEVICE_BIND_IOMMUFD; others in IOMMU group %d: %.*s", vfio_group(d->address),
		   (int)(others.len > 300 ? 300 : others.len), others.at);
	text_free(&others);
	return false;
}

/* IOVAs that the IOMMU has, [first, last], as strings. */
static bool put_ranges(struct request *r, const struct vfio_device *d)
{
	struct iommu_iova_range range[RANGES];
	struct iommu_ioas_iova_ranges arg = { .size = sizeof(arg), .ioas_id = d->ioas, .num_iovas = RANGES, .allowed_iovas = (uintptr_t)range };
	char text[64];

	/* EMSGSIZE: there are more than fit; the first are enough. */
	if (ioctl(d->iommufd, IOMMU_IOAS_IOVA_RANGES, &arg) && errno != EMSGSIZE)
		return fail_errno(r, errno, "IOMMU_IOAS_IOVA_RANGES");
	put_raw(r, "ranges");
	text_str(r->body, "[");
	for (uint32_t i = 0; i < arg.num_iovas && i < RANGES; i++) {
		snprintf(text, sizeof(text), "%s[\"0x%llx\",\"0x%llx\"]", i ? "," : "", (unsigned long long)range[i].start, (unsigned long long)range[i].last);
		text_str(r->body, text);
	}
	text_str(r->body, "]");
	return true;
}

/* d->fd, and d->iommufd with it, are there already if the descriptor was carried over. */
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
		if (!node_of(d->address, node, sizeof(node)))
			return fail_errno(r, ENODEV, "%s has no device node: a kernel without CONFIG_VFIO_DEVICE_CDEV", d->address);
		d->fd = open(node, O_RDWR | O_CLOEXEC);
		if (d->fd < 0)
			return fail_errno(r, errno, "open %s", node);
	}
	bind.iommufd = d->iommufd;
	if (ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return fail_bind(r, d, errno);
	d->id = bind.out_devid;
	if (ioctl(d->iommufd, IOMMU_IOAS_ALLOC, &ioas))
		return fail_errno(r, errno, "IOMMU_IOAS_ALLOC");
	d->ioas = ioas.out_ioas_id;
	hwpt.dev_id = d->id;
	hwpt.pt_id = d->ioas;
	if (ioctl(d->iommufd, IOMMU_HWPT_ALLOC, &hwpt))
		return fail_errno(r, errno, "IOMMU_HWPT_ALLOC");
	d->hwpt = hwpt.out_hwpt_id;
	return put_ranges(r, d);
}

bool cdev_attach(struct request *r, struct vfio_device *d)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg), .pt_id = d->hwpt };

	return !ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg) || fail_errno(r, errno, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static unsigned flags_of(unsigned prot)
{
	return IOMMU_IOAS_MAP_FIXED_IOVA | (prot & PROT_READ ? IOMMU_IOAS_MAP_READABLE : 0) | (prot & PROT_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0);
}

bool cdev_map(struct request *r, struct vfio_device *d, int file, uint64_t offset, unsigned prot, struct vfio_mapping *m)
{
	struct iommu_ioas_map_file whole = { .size = sizeof(whole), .flags = flags_of(prot), .ioas_id = d->ioas, .fd = file,
					     .start = offset, .length = m->length, .iova = m->iova };
	struct iommu_ioas_map range = { .size = sizeof(range), .flags = flags_of(prot), .ioas_id = d->ioas, .length = m->length, .iova = m->iova };

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

bool cdev_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m)
{
	struct iommu_ioas_unmap arg = { .size = sizeof(arg), .ioas_id = d->ioas, .iova = m->iova, .length = m->length };

	return !ioctl(d->iommufd, IOMMU_IOAS_UNMAP, &arg) || fail_errno(r, errno, "IOMMU_IOAS_UNMAP");
}
