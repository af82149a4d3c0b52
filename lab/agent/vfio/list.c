// SPDX-License-Identifier: GPL-2.0-only
/* Devices by name. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/guest.h"
#include "ops.h"
#include "common/registry.h"
#include "vfio/vfio.h"

static struct vfio_device *vfio_devices;

static void vfio_close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/**
 * vfio_release() - Close all that belongs to a device, except its own descriptor.
 * @d: the device
 */
void vfio_release(struct vfio_device *d)
{
	while (d->maps) {
		struct vfio_mapping *m = d->maps;

		d->maps = m->next;
		if (m->at)
			munmap(m->at, m->length);
		free(m);
	}
	vfio_close_fd(d->irq);
	vfio_close_fd(d->iommufd);
	vfio_close_fd(d->group);
	vfio_close_fd(d->container);
}

static void vfio_forget(struct vfio_device **at)
{
	struct vfio_device *d = *at;

	*at = d->next;
	vfio_release(d);
	free(d->name);
	free(d);
}

static struct vfio_device **vfio_find(const char *name)
{
	struct vfio_device **at = &vfio_devices;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

/**
 * vfio_get() - Find the device that a request names.
 * @r: the request
 *
 * Return: the device, or NULL after the request has failed with NOHANDLE
 */
struct vfio_device *vfio_get(struct request *r)
{
	const char *name = request_get(r, "device");
	struct vfio_device **at = vfio_find(name);

	/*
	 * Another operation may have closed the descriptor, or given the name to another one.
	 */
	if (*at && registry_get(&files, name) != (*at)->fd)
		vfio_forget(at);
	if (*at)
		return *at;
	fail_handle(r, "device", name);
	return NULL;
}

/**
 * vfio_put() - Add a device to the list; its descriptor goes into the table of files.
 * @from: the device, which is copied
 */
void vfio_put(const struct vfio_device *from)
{
	struct vfio_device **at = vfio_find(from->name), *d = malloc(sizeof(*d));

	if (*at)
		vfio_forget(at);
	if (!d)
		_exit(12);
	*d = *from;
	d->name = strdup(from->name);
	if (!d->name)
		_exit(12);
	d->next = vfio_devices;
	vfio_devices = d;
	registry_put(&files, d->name, d->fd);
}

/**
 * op_vfio_close() - Operation vfio-close: close a device.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_close(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	uint64_t unbind = 0;
	char address[sizeof(d->address)];
	int err;

	if (!d || !request_number(r, "unbind", 1, &unbind))
		return false;
	memcpy(address, d->address, sizeof(address));
	/* A guest's mapping of the BAR would keep the device open. */
	guest_device_detach(d->name);
	/* Close the device first: it is attached to the others. */
	err = close(registry_take(&files, d->name)) ? errno : 0;
	vfio_forget(vfio_find(d->name));
	if (err)
		return fail_errno(r, err, "close");
	return !unbind || vfio_unbind(r, address);
}
