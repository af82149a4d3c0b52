// SPDX-License-Identifier: GPL-2.0-only
/* Maps files at IOVAs of a device. The kernel decides which IOVAs it accepts. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"
#include "common/registry.h"
#include "common/util.h"
#include "vfio/vfio.h"

#define COMMAND 4
#define MEMORY_AND_MASTER 6

static bool map_rights(struct request *r, unsigned int *prot)
{
	const char *rights = request_get(r, "rights");

	*prot = PROT_READ | PROT_WRITE;
	if (!rights || !strcmp(rights, "rw"))
		return true;
	*prot = !strcmp(rights, "r") ? PROT_READ : PROT_WRITE;
	return *prot == PROT_READ || !strcmp(rights, "w") ||
	       fail_request(r, "rights are r, w or rw, not %.80s", rights);
}

/* The whole file, rounded up to whole pages, unless the request says otherwise. */
static bool map_extent(struct request *r, int file, uint64_t *offset, uint64_t *length)
{
	uint64_t size;

	if (file_size(file, &size))
		return fail_errno(r, errno, "size");
	*offset = 0;
	if (!request_number(r, "offset", INT64_MAX, offset))
		return false;
	size = PAGES_OF(size) * PAGE;
	*length = *offset < size ? size - *offset : 0;
	if (!request_number(r, "length", INT64_MAX, length))
		return false;
	return *length || fail_request(r, "nothing to map");
}

static void map_drop(struct vfio_mapping *m)
{
	if (m->at)
		munmap(m->at, m->length);
	free(m);
}

/**
 * op_vfio_map() - Operation vfio-map: map a file for a device.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_map(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	const char *name = request_get(r, "file");
	struct vfio_mapping *m;
	uint64_t offset, length, iova = 0;
	unsigned int prot;
	int file;

	if (!d)
		return false;
	file = registry_get(&files, name);
	if (file < 0)
		return fail_handle(r, "file", name);
	if (!request_number(r, "iova", UINT64_MAX, &iova) || !map_rights(r, &prot) ||
	    !map_extent(r, file, &offset, &length))
		return false;
	m = calloc(1, sizeof(*m));
	if (!m)
		_exit(12);
	m->iova = iova;
	m->length = length;
	if (!(d->cdev ? cdev_map : container_map)(r, d, file, offset, prot, m)) {
		map_drop(m);
		return false;
	}
	m->next = d->maps;
	d->maps = m;
	put_u64(r, "length", length);
	put_str(r, "how", m->at ? "address" : "file");
	return true;
}

/**
 * op_vfio_unmap() - Operation vfio-unmap: remove a mapping.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_unmap(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	struct vfio_mapping **at, *m;
	uint64_t iova = 0;

	if (!d || !request_number(r, "iova", UINT64_MAX, &iova))
		return false;
	for (at = &d->maps; *at && (*at)->iova != iova; at = &(*at)->next)
		;
	m = *at;
	if (!m)
		return fail_errno(r, ENOENT, "nothing was mapped at 0x%llx",
				  (unsigned long long)iova);
	if (!(d->cdev ? cdev_unmap : container_unmap)(r, d, m))
		return false;
	*at = m->next;
	map_drop(m);
	return true;
}

/**
 * op_vfio_attach() - Operation vfio-attach: attach the domain, then turn memory and bus
 *   mastering on.
 * @r: the request
 *
 * From here on the device can reach memory. Where the kernel allows it, the domain has all its
 * mappings already.
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_attach(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	uint16_t command;

	if (!d || (d->cdev && !d->attached && !cdev_attach(r, d)))
		return false;
	d->attached = true;
	if (!region_read(r, d, VFIO_PCI_CONFIG_REGION_INDEX, COMMAND, &command, sizeof(command)))
		return false;
	put_u64(r, "commandBefore", command);
	command |= MEMORY_AND_MASTER;
	return region_write(r, d, VFIO_PCI_CONFIG_REGION_INDEX, COMMAND, &command, sizeof(command));
}
