// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives QEMU's edu (docs/specs/edu in its source), one step for each tick. A page of the
 * guest's memory goes into the buffer of the device, and from there into another page. The two
 * must be the same. The liveness register keeps what was written to it until the device is
 * reset.
 */
#include "device.h"

#include "chain.h"
#include "cpu.h"

enum {
	EDU_ID = 0x00,
	EDU_LIVENESS = 0x04,
	EDU_DMA_SOURCE = 0x80,
	EDU_DMA_DESTINATION = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98
};

enum { DMA_RUN = 1, DMA_FROM_DEVICE = 2 };

#define EDU_IDENTIFICATION 0x010000edu
#define EDU_BUFFER 0x40000u
#define MOST_TICKS 300 /* for one direction, which takes 100 ms */
#define WORDS (TRANSFER_BYTES / 8)

#define AT(page) ((word64 *)((uintptr_t)(page) * GUEST_PAGE))

static uint32_t device_read(const struct bare_device *d, uint32_t at)
{
	return *(volatile uint32_t *)(uintptr_t)(d->bar + at);
}

static void device_write(const struct bare_device *d, uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(d->bar + at) = value;
}

/* The register reads back inverted. */
static uint32_t device_liveness(uint32_t seed, uint32_t number)
{
	return chain_mix(seed ^ chain_mix(number + 0xed0u));
}

/* A transfer carries the base table with a tag of its own. */
static uint64_t device_tag(uint32_t seed, uint32_t number, uint64_t transfer)
{
	uint32_t low = chain_mix(chain_mix(seed + number + 1) ^ (uint32_t)transfer);

	return (uint64_t)chain_mix(low ^ 0x9E3779B1u) << 32 | low;
}

static void device_start(struct bare_device *d, enum device_phase phase, uint64_t tick)
{
	bool gives = phase == DEVICE_GIVES;

	device_write(d, EDU_DMA_SOURCE, gives ? EDU_BUFFER : d->source * GUEST_PAGE);
	device_write(d, EDU_DMA_DESTINATION, gives ? d->landing * GUEST_PAGE : EDU_BUFFER);
	device_write(d, EDU_DMA_COUNT, TRANSFER_BYTES);
	d->phase = phase;
	d->began = tick;
	order_stores();
	device_write(d, EDU_DMA_COMMAND, DMA_RUN | (gives ? DMA_FROM_DEVICE : 0));
}

static void device_begin(struct bare_device *d, uint32_t seed, uint32_t number, uint64_t tick)
{
	const word64 *base = AT(PAGE_BASE);
	word64 *source = AT(d->source);
	uint64_t mask = device_tag(seed, number, ++d->transfer);

	for (unsigned int i = 0; i < WORDS; i++)
		source[i] = base[i] ^ mask;
	order_stores();
	device_start(d, DEVICE_TAKES, tick);
}

static void device_compare(struct bare_device *d, uint32_t seed, uint32_t number)
{
	const word64 *base = AT(PAGE_BASE), *landing = AT(d->landing);
	uint64_t mask = device_tag(seed, number, d->transfer), differs = 0;

	order_stores();
	for (unsigned int i = 0; i < WORDS; i++)
		differs |= landing[i] ^ base[i] ^ mask;
	if (!differs) {
		d->landed = d->transfer;
		d->done++;
	} else if (!d->wrong++) {
		d->first_wrong = d->transfer;
	}
	order_stores();
	d->phase = DEVICE_IDLE;
}

/**
 * device_tick() - Do one step of the transfers of a device, and never wait.
 * @d: the device
 * @seed: seed of the guest
 * @number: number of the device
 * @tick: number of the tick
 */
void device_tick(struct bare_device *d, uint32_t seed, uint32_t number, uint64_t tick)
{
	if (device_read(d, EDU_ID) != EDU_IDENTIFICATION) {
		d->gone++;
		return;
	}
	if (device_read(d, EDU_LIVENESS) != ~device_liveness(seed, number)) {
		d->resets += d->set_up;
		d->cut += d->phase != DEVICE_IDLE;
		d->phase = DEVICE_IDLE;
		d->set_up = 1;
		device_write(d, EDU_LIVENESS, device_liveness(seed, number));
		return;
	}
	if (device_read(d, EDU_DMA_COMMAND) & DMA_RUN) {
		if (d->phase != DEVICE_IDLE && tick - d->began > MOST_TICKS) {
			d->unended++;
			d->phase = DEVICE_IDLE;
		}
		return;
	}
	switch (d->phase) {
	case DEVICE_TAKES:
		device_start(d, DEVICE_GIVES, tick);
		break;
	case DEVICE_GIVES:
		device_compare(d, seed, number);
		break;
	default:
		device_begin(d, seed, number, tick);
	}
}
