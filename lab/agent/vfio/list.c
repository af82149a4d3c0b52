// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/guest.h"
#include "ops.h"
#include "common/registry.h"
#include "vfio/vfio.h"

static struct vfio_device *devices;

void put_hex(struct request *r, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)n);
	put_str(r, key, text);
}

static void shut(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vfio_let_go(struct vfio_device *d)
{
	while (d->maps) {
		struct vfio_mapping *m = d->maps;

		d->maps = m->next;
		if (m->at)
			munmap(m->at, m->length);
		free(m);
	}
	shut(d->irq);
	shut(d->iommufd);
	shut(d->group);
	shut(d->container);
}

static void forget(struct vfio_device **at)
{
	struct vfio_device *d = *at;

	*at = d->next;
	vfio_let_go(d);
	free(d->name);
	free(d);
}

static struct vfio_device **find(const char *name)
{
	struct vfio_device **at = &devices;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

struct vfio_device *vfio_get(struct request *r)
{
	const char *name = request_get(r, "device");
	struct vfio_device **at = find(name);

	/* The name may have been closed, or given to another descriptor, by the operations on files. */
	if (*at && registry_get(&files, name) != (*at)->fd)
		forget(at);
	if (*at)
		return *at;
	fail_handle(r, "device", name);
	return NULL;
}

void vfio_put(const struct vfio_device *from)
{
	struct vfio_device **at = find(from->name), *d = malloc(sizeof(*d));

	if (*at)
		forget(at);
	if (d)
		*d = *from;
	if (!d || !(d->name = strdup(from->name)))
		_exit(12);
	d->next = devices;
	devices = d;
	registry_put(&files, d->name, d->fd);
}

bool op_vfio_close(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	uint64_t unbind = 0;
	char address[sizeof(d->address)];
	int err;

	if (!d || !request_number(r, "unbind", 1, &unbind))
		return false;
	strcpy(address, d->address);
	/* A mapping of its BAR would hold it. */
	device_leaves(d->name);
	/* The device goes first: what it is attached to cannot go before. */
	err = close(registry_take(&files, d->name)) ? errno : 0;
	forget(find(d->name));
	if (err)
		return fail_errno(r, err, "close");
	return !unbind || vfio_unbind(r, address);
}
