// SPDX-License-Identifier: GPL-2.0-only
/* Registers of edu. The header describes the device. */
#define _GNU_SOURCE
#include "edu/edu.h"

#include <errno.h>
#include <linux/vfio.h>

#include "ops.h"
#include "common/util.h"

#define EDU_VENDOR_DEVICE 0x11e81234u
#define MS_MAX 60000u
#define QUIET_MS 5000u

/**
 * edu_get() - Find the edu that a request names.
 * @r: the request
 *
 * Other devices have other registers at these offsets, so the identity is checked.
 *
 * Return: the device, or NULL after the request has failed
 */
struct vfio_device *edu_get(struct request *r)
{
	struct vfio_device *d = vfio_get(r);
	uint32_t id;

	if (!d || !region_read(r, d, VFIO_PCI_CONFIG_REGION_INDEX, 0, &id, sizeof(id)))
		return NULL;
	if (id == EDU_VENDOR_DEVICE)
		return d;
	fail_request(r, "%s is not an edu", d->address);
	return NULL;
}

/**
 * edu_read() - Read a register of 32 bits.
 * @r: the request
 * @d: the device
 * @at: its offset
 * @to: where the value goes
 *
 * Return: true, or false after the request has failed
 */
bool edu_read(struct request *r, const struct vfio_device *d, unsigned int at, uint32_t *to)
{
	return region_read(r, d, 0, at, to, sizeof(*to));
}

/**
 * edu_write() - Write a register of 32 bits.
 * @r: the request
 * @d: the device
 * @at: its offset
 * @n: the value
 *
 * Return: true, or false after the request has failed
 */
bool edu_write(struct request *r, const struct vfio_device *d, unsigned int at, uint32_t n)
{
	return region_write(r, d, 0, at, &n, sizeof(n));
}

/**
 * edu_write64() - Write a register of 64 bits.
 * @r: the request
 * @d: the device
 * @at: its offset
 * @n: the value
 *
 * Return: true, or false after the request has failed
 */
bool edu_write64(struct request *r, const struct vfio_device *d, unsigned int at, uint64_t n)
{
	return region_write(r, d, 0, at, &n, sizeof(n));
}

/**
 * edu_acknowledge() - Clear the interrupts that the device has raised.
 * @r: the request
 * @d: the device
 *
 * Return: true, or false after the request has failed
 */
bool edu_acknowledge(struct request *r, const struct vfio_device *d)
{
	uint32_t raised;

	return edu_read(r, d, EDU_IRQ_STATUS, &raised) &&
	       (!raised || edu_write(r, d, EDU_IRQ_ACK, raised));
}

/**
 * edu_power_on() - Put the device into the state it has at power-on, as far as a guest can see.
 * @r: the request
 * @d: the device
 *
 * edu has no reset of its own in QEMU 7.2.
 *
 * Return: true, or false after the request has failed
 */
bool edu_power_on(struct request *r, const struct vfio_device *d)
{
	uint64_t begin = now_us();
	uint32_t command = DMA_RUN;

	/* A transfer that is running ends by itself after 100 ms. Nothing can stop it. */
	while ((command & DMA_RUN) && now_us() - begin < QUIET_MS * 1000) {
		if (!edu_read(r, d, EDU_DMA_COMMAND, &command))
			return false;
		if (command & DMA_RUN)
			pause_ms(POLL_MS);
	}
	if (command & DMA_RUN)
		return fail_errno(r, EBUSY, "a transfer of %s does not end", d->address);
	/* The register holds the complement of what is written. */
	return edu_acknowledge(r, d) && edu_write(r, d, EDU_LIVENESS, ~0u);
}

/**
 * op_edu_state() - Operation edu-state: read all registers.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_edu_state(struct request *r)
{
	static const struct {
		const char *name;
		unsigned int at;
		bool wide;
	} registers[] = {
		{ "identification", EDU_ID, false },
		{ "liveness", EDU_LIVENESS, false },
		{ "factorial", EDU_FACTORIAL, false },
		{ "status", EDU_STATUS, false },
		{ "irqStatus", EDU_IRQ_STATUS, false },
		{ "dmaSource", EDU_DMA_SOURCE, true },
		{ "dmaDestination", EDU_DMA_DESTINATION, true },
		{ "dmaCount", EDU_DMA_COUNT, true },
		{ "dmaCommand", EDU_DMA_COMMAND, true },
	};
	struct vfio_device *d = edu_get(r);

	for (size_t i = 0; d && i < ARRAY_SIZE(registers); i++) {
		uint64_t n = 0;

		if (!region_read(r, d, 0, registers[i].at, &n, registers[i].wide ? 8 : 4))
			return false;
		put_hex(r, registers[i].name, n);
	}
	return d;
}

/**
 * op_edu_set() - Operation edu-set: write registers that a later check can read.
 * @r: the request
 *
 * The liveness register holds the complement of what was written, the factorial register n! of
 * n.
 *
 * Return: true, or false after the request has failed
 */
bool op_edu_set(struct request *r)
{
	struct vfio_device *d = edu_get(r);
	uint64_t liveness = 0, factorial = 0;

	if (!d || !request_number(r, "liveness", UINT32_MAX, &liveness) ||
	    !request_number(r, "factorial", UINT32_MAX, &factorial))
		return false;
	return (!request_get(r, "liveness") || edu_write(r, d, EDU_LIVENESS, (uint32_t)liveness)) &&
	       (!request_get(r, "factorial") ||
		edu_write(r, d, EDU_FACTORIAL, (uint32_t)factorial));
}

/**
 * op_vfio_irq() - Operation vfio-irq: arm the MSI, raise it, and wait for it.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_vfio_irq(struct request *r)
{
	uint64_t ms = 5000, disarm = 0, trigger = 1;
	struct vfio_device *d = edu_get(r);
	uint64_t irqs = 0;
	uint32_t raised = 0;

	if (!d || !request_number(r, "ms", MS_MAX, &ms) ||
	    !request_number(r, "disarm", 1, &disarm) || !request_number(r, "trigger", 1, &trigger))
		return false;
	if (disarm)
		return irq_disarm(r, d);
	if (!irq_arm(r, d))
		return false;
	irq_taken(d, 0);
	if (trigger && !edu_write(r, d, EDU_IRQ_RAISE, 1))
		return false;
	if (trigger)
		irqs = irq_taken(d, (int)ms);
	if (!edu_read(r, d, EDU_IRQ_STATUS, &raised) || !edu_acknowledge(r, d))
		return false;
	put_u64(r, "irqs", irqs);
	put_hex(r, "raised", raised);
	return true;
}
