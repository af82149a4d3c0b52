// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* Transfers between memory at an IOVA and edu's buffer. */
#include <errno.h>
#include <string.h>

#include "edu/edu.h"
#include "ops.h"
#include "common/util.h"

#define MS_MAX 60000u

static bool start(struct request *r, struct vfio_device *d, bool irq)
{
	const char *direction = request_get(r, "direction");
	bool from = !strcmp(direction, "from-device");
	uint64_t iova = 0, offset = 0, length = 0;
	uint32_t command;

	if (!from && strcmp(direction, "to-device"))
		return fail_request(r, "direction is to-device or from-device, not %.80s", direction);
	if (!request_number(r, "iova", UINT64_MAX, &iova) || !request_number(r, "offset", EDU_BUFFER_BYTES, &offset) ||
	    !request_number(r, "length", EDU_BUFFER_BYTES, &length))
		return false;
	/* QEMU before 8.0 ends itself, and the machine, when a transfer touches the end of the buffer. */
	if (!length || offset + length >= EDU_BUFFER_BYTES)
		return fail_request(r, "offset and length stay below %u bytes", EDU_BUFFER_BYTES);
	if (!d->attached)
		return fail_request(r, "the device reaches no memory before vfio-attach");
	if (!edu_read(r, d, EDU_DMA_COMMAND, &command))
		return false;
	if (command & DMA_RUN)
		return fail_errno(r, EBUSY, "a transfer is running");
	return (!irq || irq_arm(r, d)) && edu_acknowledge(r, d) &&
	       edu_write64(r, d, EDU_DMA_SOURCE, from ? EDU_BUFFER + offset : iova) &&
	       edu_write64(r, d, EDU_DMA_DESTINATION, from ? iova : EDU_BUFFER + offset) && edu_write64(r, d, EDU_DMA_COUNT, length) &&
	       edu_write64(r, d, EDU_DMA_COMMAND, DMA_RUN | (from ? DMA_FROM_DEVICE : 0) | (irq ? DMA_IRQ : 0));
}

/* Two witnesses of the end: the interrupt, and the register. Both are waited for, within one deadline. */
static bool wait_end(struct request *r, struct vfio_device *d, bool irq)
{
	uint64_t ms = 5000, begin = now_us(), irqs = 0;
	uint32_t command = DMA_RUN, raised = 0;

	if (!request_number(r, "ms", MS_MAX, &ms))
		return false;
	while (((command & DMA_RUN) || (irq && !irqs)) && now_us() - begin < ms * 1000) {
		if (irq)
			irqs += irq_taken(d, POLL_MS);
		else
			pause_ms(POLL_MS);
		if (!edu_read(r, d, EDU_DMA_COMMAND, &command))
			return false;
	}
	if (!edu_read(r, d, EDU_IRQ_STATUS, &raised) || !edu_acknowledge(r, d))
		return false;
	put_bool(r, "ended", !(command & DMA_RUN));
	if (irq)
		put_u64(r, "irqs", irqs);
	put_bool(r, "raised", raised & DMA_IRQ_STATUS);
	put_u64(r, "waitedUs", now_us() - begin);
	return true;
}

/* irq=1, the default: the end is also told by an MSI, which is armed if it was not. */
static bool irq_wanted(struct request *r, bool *irq)
{
	uint64_t wanted = 1;

	if (!request_number(r, "irq", 1, &wanted))
		return false;
	*irq = wanted;
	return true;
}

bool op_edu_dma(struct request *r)
{
	struct vfio_device *d = edu_get(r);
	bool irq;

	if (!d || !irq_wanted(r, &irq))
		return false;
	irq_taken(d, 0);
	return start(r, d, irq) && wait_end(r, d, irq);
}

bool op_edu_start(struct request *r)
{
	struct vfio_device *d = edu_get(r);

	return d && start(r, d, false);
}

bool op_edu_wait(struct request *r)
{
	struct vfio_device *d = edu_get(r);

	return d && wait_end(r, d, false);
}
