// SPDX-License-Identifier: GPL-2.0-only
/* Transfers between memory at an IOVA and the buffer of edu. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "edu/edu.h"
#include "ops.h"
#include "common/util.h"

#define MS_MAX 60000u

static bool edu_dma_begin(struct request *r, struct vfio_device *d, bool irq)
{
	const char *direction = request_get(r, "direction");
	bool from = !strcmp(direction, "from-device");
	uint64_t iova = 0, offset = 0, length = 0;
	uint32_t command;

	if (!from && strcmp(direction, "to-device"))
		return fail_request(r, "direction is to-device or from-device, not %.80s",
				    direction);
	if (!request_number(r, "iova", UINT64_MAX, &iova) ||
	    !request_number(r, "offset", EDU_BUFFER_BYTES, &offset) ||
	    !request_number(r, "length", EDU_BUFFER_BYTES, &length))
		return false;
	/*
	 * QEMU before 8.0 ends itself, and the machine with it, if a transfer touches the end
	 * of the buffer.
	 */
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
	       edu_write64(r, d, EDU_DMA_DESTINATION, from ? iova : EDU_BUFFER + offset) &&
	       edu_write64(r, d, EDU_DMA_COUNT, length) &&
	       edu_write64(r, d, EDU_DMA_COMMAND,
			   DMA_RUN | (from ? DMA_FROM_DEVICE : 0) | (irq ? DMA_IRQ : 0));
}

/*
 * Two things show the end of a transfer: the interrupt and the register. This waits for both,
 * with one deadline.
 */
static bool edu_dma_wait(struct request *r, struct vfio_device *d, bool irq)
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

/* By default (irq=1) an MSI also reports the end. It is armed if it was not. */
static bool edu_dma_irq_wanted(struct request *r, bool *irq)
{
	uint64_t wanted = 1;

	if (!request_number(r, "irq", 1, &wanted))
		return false;
	*irq = wanted;
	return true;
}

/**
 * op_edu_dma() - Operation edu-dma: run a transfer and wait for its end.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_edu_dma(struct request *r)
{
	struct vfio_device *d = edu_get(r);
	bool irq;

	if (!d || !edu_dma_irq_wanted(r, &irq))
		return false;
	irq_taken(d, 0);
	return edu_dma_begin(r, d, irq) && edu_dma_wait(r, d, irq);
}

/**
 * op_edu_start() - Operation edu-start: start a transfer and do not wait.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_edu_start(struct request *r)
{
	struct vfio_device *d = edu_get(r);

	return d && edu_dma_begin(r, d, false);
}

/**
 * op_edu_wait() - Operation edu-wait: wait for the end of a transfer.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_edu_wait(struct request *r)
{
	struct vfio_device *d = edu_get(r);

	return d && edu_dma_wait(r, d, false);
}
