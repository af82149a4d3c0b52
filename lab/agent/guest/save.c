// SPDX-License-Identifier: GPL-2.0-only
/* guest-save: writes all of a paused guest that is not in its RAM. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest/state.h"
#include "ops.h"

/* A newer version stands for a newer agent: the same content with another number. */
#define VERSION_MAX 255
#define IRQCHIPS 3

static bool save_vcpu(struct request *r, struct state *s, struct vcpu *v, uint32_t version)
{
	/*
	 * Tell the watchdogs of the guest that it was paused and is not stuck. This fails for a
	 * guest without kvm-clock, which has none.
	 */
	ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0);
	for (unsigned int i = 0; i < vcpu_part_count; i++) {
		const struct vcpu_part *part = &vcpu_parts[i];
		void *to = part->since > version ? NULL : state_section(s, part->room);
		int64_t len;

		if (part->since > version)
			continue;
		len = to ? part->save(v, to) : (errno = ENOSPC, -1);
		if (len < 0)
			return fail_errno(r, errno, "reading %s of vCPU %u", part->name, v->number);
		state_section_end(s, part->type, v->number, (uint64_t)len);
	}
	return true;
}

static void save_section(struct state *s, enum section_type type, const void *from, uint64_t len)
{
	memcpy(state_section(s, len), from, len); /* small, and among the first: there is room */
	state_section_end(s, type, OF_MACHINE, len);
}

static bool save_chips(struct request *r, struct state *s, struct guest *g)
{
	struct kvm_irqchip chips[IRQCHIPS];
	struct kvm_pit_state2 pit;
	struct uart_part uart = { .uart = g->uart, .line_len = g->console.line_len };

	for (uint32_t i = 0; i < IRQCHIPS; i++) {
		chips[i] = (struct kvm_irqchip){ .chip_id = i };
		if (ioctl(g->vm, KVM_GET_IRQCHIP, &chips[i]))
			return fail_errno(r, errno, "KVM_GET_IRQCHIP %u", i);
	}
	if (ioctl(g->vm, KVM_GET_PIT2, &pit))
		return fail_errno(r, errno, "KVM_GET_PIT2");
	memcpy(uart.line, g->console.line, sizeof(uart.line));
	save_section(s, SECTION_IRQCHIP, chips, sizeof(chips));
	save_section(s, SECTION_PIT, &pit, sizeof(pit));
	save_section(s, SECTION_UART, &uart, sizeof(uart));
	return true;
}

static bool save_machine(struct request *r, struct state *s, struct guest *g, uint32_t version)
{
	struct guest_part part = {
		.kind = g->kind,
		.vcpus = g->vcpus,
		.size = g->size,
		.seed = g->seed,
		.features = g->features,
		.ticks = g->ticks,
		.reports = g->reports,
		.jumped = g->jumped,
		.failed = g->failed,
		.max_gap_us = g->max_gap_us,
		.pause_first = g->pause_first,
		.pause_last = g->pause_last,
		.pause_khz = g->pause_khz,
		.tick = g->console.tick,
	};
	struct devices_part devices = guest_devices_save(g);
	struct clock_part clock = { 0 };

	if (ioctl(g->vm, KVM_GET_CLOCK, &clock.clock))
		return fail_errno(r, errno, "KVM_GET_CLOCK");
	clock.tsc = stamp_now().tsc;
	save_section(s, SECTION_GUEST, &part, sizeof(part));
	save_section(s, SECTION_CLOCK, &clock, sizeof(clock));
	if (g->devices && version >= DEVICES_SINCE)
		save_section(s, SECTION_DEVICES, &devices, sizeof(devices));
	return g->kind == GUEST_BARE || save_chips(r, s, g);
}

/**
 * op_guest_save() - Operation guest-save: write the state of a guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_save(struct request *r)
{
	uint64_t version = STATE_VERSION, force = 0;
	struct guest *g = guest_of(r);
	struct state s;
	uint32_t vcpus;
	bool ok;

	if (!g || !request_number(r, "version", VERSION_MAX, &version) ||
	    !request_number(r, "force", 1, &force) ||
	    !guest_must_be(r, g, GUEST_PAUSED, GUEST_PAUSED))
		return false;
	if (!version)
		return fail_request(r, "versions begin with 1");
	if (version < g->needs && !force)
		return fail_errno(r, EOPNOTSUPP,
				  "the guest needs state version %u, version %llu cannot carry it",
				  g->needs, (unsigned long long)version);
	state_begin(&s, (uint32_t)version, g->needs);
	ok = save_machine(r, &s, g, (uint32_t)version);
	vcpus = version < 2 ? 1 : g->vcpus;
	for (uint32_t i = 0; i < vcpus && ok; i++)
		ok = save_vcpu(r, &s, &g->vcpu[i], (uint32_t)version);
	ok = ok && state_write(r, &s, g->state_fd);
	if (ok) {
		put_u64(r, "version", version);
		put_u64(r, "needs", g->needs);
		put_u64(r, "bytes", state_head(&s)->length);
		put_stamp(r, "at", stamp_now());
	}
	state_free(&s);
	return ok;
}
