/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices opened through VFIO, by the name under which their descriptor is in `files`. */
#ifndef AGENT_VFIO_H
#define AGENT_VFIO_H

#include "wire/wire.h"

struct vfio_mapping {
	struct vfio_mapping *next;
	uint64_t iova, length;
	void *at; /* our own mapping of the file, NULL where the kernel took the file itself */
};

struct vfio_device {
	struct vfio_device *next;
	char *name, address[16];
	int fd;
	bool cdev;              /* device node and iommufd; else group and type1 container */
	int iommufd;
	uint32_t id, ioas, hwpt; /* in iommufd; hwpt is 0 until it is made */
	int group, container;
	bool attached;
	int irq;                /* eventfd of the MSI, -1: not armed */
	struct vfio_mapping *maps;
};

/* vfio-list.c */
/* The device of the request's key `device`; NULL (and NOHANDLE) if there is none or its descriptor was closed. */
struct vfio_device *vfio_get(struct request *r);
/* Takes the device over; its descriptor goes into `files`. */
void vfio_put(const struct vfio_device *d);
/* Closes what belongs to a device, but not its own descriptor. */
void vfio_let_go(struct vfio_device *d);
void put_hex(struct request *r, const char *key, uint64_t n); /* as a string: a JSON number keeps 53 bits */

/* vfio-bind.c; address: domain:bus:slot.function */
bool vfio_address(struct request *r, const char **address);
bool vfio_bind(struct request *r, const char *address);
bool vfio_unbind(struct request *r, const char *address);
int vfio_group(const char *address); /* its IOMMU group, -1: none */
void vfio_group_others(const char *address, struct text *to); /* "ADDRESS (driver)" of all others in it, as JSON list */

/* vfio-cdev.c, vfio-container.c: two ways to a device and to its DMA. */
bool cdev_there(const char *address);
bool cdev_open(struct request *r, struct vfio_device *d);
bool cdev_map(struct request *r, struct vfio_device *d, int file, uint64_t offset, unsigned prot, struct vfio_mapping *m);
bool cdev_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m);
bool cdev_attach(struct request *r, struct vfio_device *d);
bool container_open(struct request *r, struct vfio_device *d);
bool container_map(struct request *r, struct vfio_device *d, int file, uint64_t offset, unsigned prot, struct vfio_mapping *m);
bool container_unmap(struct request *r, const struct vfio_device *d, const struct vfio_mapping *m);

/* vfio-region.c: one access of 1, 2, 4 or 8 bytes to a region; false and an errno in the reply if it fails. */
bool region_read(struct request *r, const struct vfio_device *d, unsigned region, uint64_t offset, void *to, size_t width);
bool region_write(struct request *r, const struct vfio_device *d, unsigned region, uint64_t offset, const void *from, size_t width);

/* vfio-irq.c: one MSI through an eventfd. */
bool irq_arm(struct request *r, struct vfio_device *d);
bool irq_disarm(struct request *r, struct vfio_device *d);
uint64_t irq_taken(const struct vfio_device *d, int ms); /* how many came within ms milliseconds; they are then forgotten */

#endif
