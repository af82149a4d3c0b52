/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices opened through VFIO. The descriptor of each is in the table of files, under the name
 * of the device.
 */
#ifndef AGENT_VFIO_H
#define AGENT_VFIO_H

#include "wire/wire.h"

struct vfio_mapping {
	struct vfio_mapping *next;
	uint64_t iova, length;
	void *at; /* our own mapping of the file, or NULL if the kernel took the file itself */
};

struct vfio_device {
	struct vfio_device *next;
	char *name, address[16];
	int fd;
	bool cdev; /* true: device node and iommufd; false: group and type1 container */
	int iommufd;
	uint32_t id, ioas, hwpt; /* numbers in the iommufd; hwpt is 0 until it is made */
	int group, container;
	bool attached;
	int irq;                /* eventfd of the MSI, or -1 if it is not armed */
	struct vfio_mapping *maps;
};

/* vfio/list.c */
struct vfio_device *vfio_get(struct request *r);
void vfio_put(const struct vfio_device *d);
void vfio_release(struct vfio_device *d);

/* vfio/bind.c */
bool vfio_address(struct request *r, const char **address);
bool vfio_bind(struct request *r, const char *address);
bool vfio_unbind(struct request *r, const char *address);
int vfio_group(const char *address);
void vfio_group_others(const char *address, struct text *to);
bool vfio_fail_group(struct request *r, const struct vfio_device *d, int err, const char *what);

/* vfio/cdev.c, vfio/container.c: two ways to open a device and to map memory for it. */
bool cdev_there(const char *address);
bool cdev_open(struct request *r, struct vfio_device *d);
bool cdev_map(struct request *r, struct vfio_device *d, int file, uint64_t offset,
	      unsigned int prot, struct vfio_mapping *m);
bool cdev_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m);
bool cdev_attach(struct request *r, struct vfio_device *d);
bool container_open(struct request *r, struct vfio_device *d);
bool container_map(struct request *r, struct vfio_device *d, int file, uint64_t offset,
		   unsigned int prot, struct vfio_mapping *m);
bool container_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m);

/* vfio/region.c */
bool region_read(struct request *r, const struct vfio_device *d, unsigned int region,
		 uint64_t offset, void *to, size_t width);
bool region_write(struct request *r, const struct vfio_device *d, unsigned int region,
		  uint64_t offset, const void *from, size_t width);

/* vfio/irq.c */
bool irq_arm(struct request *r, struct vfio_device *d);
bool irq_disarm(struct request *r, struct vfio_device *d);
uint64_t irq_taken(const struct vfio_device *d, int ms);

#endif
