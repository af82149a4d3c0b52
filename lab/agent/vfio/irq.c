// SPDX-License-Identifier: GPL-2.0-only
/* One MSI of a device, through an eventfd. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio/vfio.h"

/* The call takes a header with one descriptor behind it. */
union set_irqs {
	struct vfio_irq_set set;
	unsigned char bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
};

/**
 * irq_arm() - Arm the MSI of a device, if it is not armed.
 * @r: the request
 * @d: the device
 *
 * Return: true, or false after the request has failed
 */
bool irq_arm(struct request *r, struct vfio_device *d)
{
	union set_irqs arg = {
		.set = {
			.argsz = sizeof(arg.bytes),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = 1,
		},
	};
	int32_t fd;

	if (d->irq >= 0)
		return true;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return fail_errno(r, errno, "eventfd");
	memcpy(arg.bytes + sizeof(struct vfio_irq_set), &fd, sizeof(fd));
	if (ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &arg)) {
		int err = errno;

		close(fd);
		return fail_errno(r, err, "VFIO_DEVICE_SET_IRQS");
	}
	d->irq = fd;
	return true;
}

/**
 * irq_disarm() - Disarm the MSI of a device.
 * @r: the request
 * @d: the device
 *
 * Return: true, or false after the request has failed
 */
bool irq_disarm(struct request *r, struct vfio_device *d)
{
	struct vfio_irq_set arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
	};

	if (d->irq < 0)
		return true;
	if (ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &arg))
		return fail_errno(r, errno, "VFIO_DEVICE_SET_IRQS");
	close(d->irq);
	d->irq = -1;
	return true;
}

/**
 * irq_taken() - Wait for interrupts and count them.
 * @d: the device
 * @ms: how long to wait for the first, in milliseconds
 *
 * Return: how many came since the last call
 */
uint64_t irq_taken(const struct vfio_device *d, int ms)
{
	struct pollfd ready = { .fd = d->irq, .events = POLLIN };
	uint64_t count = 0;

	if (d->irq < 0 || poll(&ready, 1, ms) <= 0 ||
	    read(d->irq, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}
