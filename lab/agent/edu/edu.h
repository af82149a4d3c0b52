/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's teaching device (docs/specs/edu in its source). It has a buffer of 4096 bytes for DMA,
 * a few registers and one MSI. A transfer moves its bytes 100 ms after its start.
 */
#ifndef AGENT_EDU_H
#define AGENT_EDU_H

#include "vfio/vfio.h"

#define EDU_BUFFER 0x40000u
#define EDU_BUFFER_BYTES 4096u

enum {
	EDU_ID = 0x00,
	EDU_LIVENESS = 0x04,
	EDU_FACTORIAL = 0x08,
	EDU_STATUS = 0x20,
	EDU_IRQ_STATUS = 0x24,
	EDU_IRQ_RAISE = 0x60,
	EDU_IRQ_ACK = 0x64,
	EDU_DMA_SOURCE = 0x80,
	EDU_DMA_DESTINATION = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98,
};

enum { DMA_RUN = 1, DMA_FROM_DEVICE = 2, DMA_IRQ = 4, DMA_IRQ_STATUS = 0x100 };
#define POLL_MS 5

struct vfio_device *edu_get(struct request *r);
bool edu_read(struct request *r, const struct vfio_device *d, unsigned int at, uint32_t *to);
bool edu_write(struct request *r, const struct vfio_device *d, unsigned int at, uint32_t n);
bool edu_write64(struct request *r, const struct vfio_device *d, unsigned int at, uint64_t n);
bool edu_acknowledge(struct request *r, const struct vfio_device *d);
bool edu_power_on(struct request *r, const struct vfio_device *d);

#endif
