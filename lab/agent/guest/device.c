// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest-attach: makes the BAR of a device part of the guest's physical memory. The guest's own
 * memory is mapped for the device by vfio-map.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "edu/edu.h"
#include "guest/state.h"
#include "ops.h"

/* Slot 0 is the RAM. */
#define SLOT_OF(device) ((device) + 1)

static struct guest_device *guest_device_find(struct guest *g, const char *name)
{
	for (uint32_t i = 0; i < g->devices; i++)
		if (!strcmp(g->device[i].name, name))
			return &g->device[i];
	return NULL;
}

/**
 * guest_devices_parse() - Read the names of the guest's devices from a request.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool guest_devices_parse(struct request *r, struct guest *g)
{
	const char *at = request_get(r, "devices");

	if (!at || !*at)
		return true;
	if (g->kind != GUEST_BARE || g->size > DEVICE_RAM_MAX)
		return fail_request(r, "a guest with devices is bare and has at most %llu bytes",
				    DEVICE_RAM_MAX);
	while (*at) {
		size_t len = strcspn(at, ",");
		struct guest_device *d = &g->device[g->devices];

		if (!len || len >= DEVICE_NAME || g->devices == GUEST_DEVICES)
			return fail_request(r, "at most %u devices, with names below %d bytes",
					    GUEST_DEVICES, DEVICE_NAME);
		memcpy(d->name, at, len);
		if (guest_device_find(g, d->name))
			return fail_request(r, "device %s is named twice", d->name);
		g->devices++;
		at += len + (at[len] == ',');
	}
	return true;
}

static bool device_set_slot(const struct guest *g, uint32_t number, void *bar)
{
	struct kvm_userspace_memory_region memory = {
		.slot = SLOT_OF(number),
		.guest_phys_addr = DEVICE_BAR(number),
		.memory_size = bar ? DEVICE_BAR_BYTES : 0,
		.userspace_addr = (uintptr_t)bar,
	};

	return !ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &memory);
}

static void device_detach(struct guest *g, struct guest_device *d)
{
	if (!d->bar)
		return;
	device_set_slot(g, (uint32_t)(d - g->device), NULL);
	munmap(d->bar, DEVICE_BAR_BYTES);
	d->bar = NULL;
}

/**
 * guest_devices_detach() - Take all devices away from a guest.
 * @g: the guest
 */
void guest_devices_detach(struct guest *g)
{
	for (uint32_t i = 0; i < g->devices; i++)
		device_detach(g, &g->device[i]);
}

/**
 * guest_device_detach() - Take a device away from the guest that has it.
 * @name: the device
 */
void guest_device_detach(const char *name)
{
	for (struct guest *g = guest_next(NULL); g; g = guest_next(g)) {
		struct guest_device *d = guest_device_find(g, name);

		if (d)
			device_detach(g, d);
	}
}

static void *device_map_bar(struct request *r, const struct vfio_device *d)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
					 .index = VFIO_PCI_BAR0_REGION_INDEX };
	void *bar;

	if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &info)) {
		fail_errno(r, errno, "VFIO_DEVICE_GET_REGION_INFO");
		return NULL;
	}
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP) || info.size != DEVICE_BAR_BYTES) {
		fail_errno(r, EINVAL, "BAR 0 of %s has %llu bytes, or cannot be mapped", d->address,
			   (unsigned long long)info.size);
		return NULL;
	}
	bar = mmap(NULL, DEVICE_BAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
		   (off_t)info.offset);
	if (bar != MAP_FAILED)
		return bar;
	fail_errno(r, errno, "mmap of BAR 0");
	return NULL;
}

/**
 * op_guest_attach() - Operation guest-attach: give a device to a guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_attach(struct request *r)
{
	struct guest *g = guest_of(r);
	struct vfio_device *d = g ? edu_get(r) : NULL;
	struct guest_device *slot;
	uint64_t reset = 0;

	if (!d || !request_number(r, "reset", 1, &reset) ||
	    !guest_must_be(r, g, GUEST_CREATED, GUEST_PAUSED))
		return false;
	slot = guest_device_find(g, d->name);
	if (!slot)
		return fail_errno(r, ENODEV, "guest %.80s has no device %.80s", g->name,
				  d->name);
	if (slot->bar)
		return fail_errno(r, EBUSY, "guest %.80s has %.80s already", g->name, d->name);
	if (!d->attached)
		return fail_request(r, "the device reaches no memory before vfio-attach");
	if (reset && !edu_power_on(r, d))
		return false;
	slot->bar = device_map_bar(r, d);
	if (!slot->bar)
		return false;
	if (!device_set_slot(g, (uint32_t)(slot - g->device), slot->bar)) {
		fail_errno(r, errno, "KVM_SET_USER_MEMORY_REGION for BAR 0");
		munmap(slot->bar, DEVICE_BAR_BYTES);
		slot->bar = NULL;
		return false;
	}
	put_hex(r, "bar", DEVICE_BAR((uint32_t)(slot - g->device)));
	put_u64(r, "size", DEVICE_BAR_BYTES);
	put_bool(r, "reset", reset);
	return true;
}

/**
 * guest_devices_save() - Describe the devices of a guest for the state file.
 * @g: the guest
 *
 * Return: the section of the state file
 */
struct devices_part guest_devices_save(const struct guest *g)
{
	struct devices_part part = { .count = g->devices };

	for (uint32_t i = 0; i < g->devices; i++) {
		memcpy(part.device[i].name, g->device[i].name, DEVICE_NAME);
		part.device[i].bar = DEVICE_BAR(i);
	}
	return part;
}

/**
 * guest_devices_load() - Read the devices of a guest from the state file.
 * @r: the request
 * @g: the guest
 * @part: the section of the state file
 *
 * The guest's memory has the address of each BAR, so it must be the same again.
 *
 * Return: true, or false after the request has failed
 */
bool guest_devices_load(struct request *r, struct guest *g, const struct devices_part *part)
{
	if (!part->count || part->count > GUEST_DEVICES)
		return fail_errno(r, EBADMSG, "the state names %u devices", part->count);
	for (uint32_t i = 0; i < part->count; i++) {
		memcpy(g->device[i].name, part->device[i].name, DEVICE_NAME);
		if (g->device[i].name[DEVICE_NAME - 1] || part->device[i].bar != DEVICE_BAR(i))
			return fail_errno(r, EBADMSG,
					  "device %u of the state has no name, or is at %#llx", i,
					  (unsigned long long)part->device[i].bar);
	}
	g->devices = part->count;
	return true;
}

/**
 * guest_put_devices() - Add the devices of a bare guest to the reply.
 * @r: the request
 * @g: the guest
 *
 * The numbers are from the control page, which the guest can write. They are passed on, and
 * never used as an address.
 */
void guest_put_devices(struct request *r, const struct guest *g)
{
	const struct control *c = (const struct control *)g->ram;

	put_raw(r, "devices");
	text_str(r->body, "[");
	for (uint32_t i = 0; i < g->devices; i++) {
		const struct bare_device d = c->device[i];

		text_str(r->body, i ? ",{\"device\":" : "{\"device\":");
		text_json(r->body, g->device[i].name);
		put_bool(r, "attached", g->device[i].bar);
		put_u64(r, "done", d.done);
		put_u64(r, "wrong", d.wrong);
		put_u64(r, "firstWrong", d.first_wrong);
		put_u64(r, "unended", d.unended);
		put_u64(r, "cut", d.cut);
		put_u64(r, "resets", d.resets);
		put_u64(r, "gone", d.gone);
		put_u64(r, "transfer", d.transfer);
		put_u64(r, "phase", d.phase);
		text_str(r->body, "}");
	}
	text_str(r->body, "]");
}
