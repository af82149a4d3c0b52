// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest-restore: makes a guest from its two files. Another kernel wrote them, and perhaps
 * somebody else changed them. So nothing in them is trusted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest/make.h"
#include "guest/state.h"
#include "ops.h"
#include "common/registry.h"
#include "common/util.h"

#define IRQCHIPS 3

static const char *const machine_parts[] = { "clock", "irqchip", "pit", "uart" };

static bool skip_lists(const char *list, const char *word, size_t len)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static bool skip_part(const struct request *r, const char *part)
{
	return skip_lists(request_get(r, "skip"), part, strlen(part));
}

static bool skip_check(struct request *r)
{
	const char *at = request_get(r, "skip");

	while (at && *at) {
		size_t n = strcspn(at, ",");
		bool known = false;

		for (unsigned int i = 0; i < vcpu_part_count; i++)
			known |= strlen(vcpu_parts[i].name) == n &&
				 !memcmp(vcpu_parts[i].name, at, n);
		for (unsigned int i = 0; i < ARRAY_SIZE(machine_parts); i++)
			known |= strlen(machine_parts[i]) == n && !memcmp(machine_parts[i], at, n);
		if (!known)
			return fail_request(r, "a guest has no %.*s to skip",
					    (int)(n > 40 ? 40 : n), at);
		at += n + (at[n] == ',');
	}
	return true;
}

static const void *restore_section(struct request *r, const struct state *s, enum section_type type,
				   uint64_t size)
{
	uint64_t len = 0;
	const void *at = state_find(s, type, OF_MACHINE, &len);

	if (at && len == size)
		return at;
	fail_errno(r, EBADMSG, "section %d of the state is missing or has another size", type);
	return NULL;
}

/*
 * The guest's clock went on while the guest did not run. Only the machine's TSC can tell how
 * far: a kexec does not change it.
 */
static bool restore_clock(struct request *r, const struct state *s, struct guest *g)
{
	const struct clock_part *part = restore_section(r, s, SECTION_CLOCK, sizeof(*part));
	struct kvm_clock_data clock = { 0 };
	uint64_t then;

	if (!part)
		return false;
	if (skip_part(r, "clock"))
		return true;
	then = part->clock.flags & KVM_CLOCK_HOST_TSC ? part->clock.host_tsc : part->tsc;
	clock.clock = part->clock.clock + tsc_span(then, stamp_now().tsc, g->pause_khz, 1000000);
	return !ioctl(g->vm, KVM_SET_CLOCK, &clock) || fail_errno(r, errno, "KVM_SET_CLOCK");
}

static bool restore_chips(struct request *r, const struct state *s, struct guest *g)
{
	const struct kvm_irqchip *chips =
		restore_section(r, s, SECTION_IRQCHIP, IRQCHIPS * sizeof(*chips));
	const struct kvm_pit_state2 *pit = restore_section(r, s, SECTION_PIT, sizeof(*pit));
	const struct uart_part *uart = restore_section(r, s, SECTION_UART, sizeof(*uart));

	if (!chips || !pit || !uart)
		return false;
	for (uint32_t i = 0; i < IRQCHIPS && !skip_part(r, "irqchip"); i++)
		if (ioctl(g->vm, KVM_SET_IRQCHIP, &chips[i]))
			return fail_errno(r, errno, "KVM_SET_IRQCHIP %u", i);
	if (!skip_part(r, "pit") && ioctl(g->vm, KVM_SET_PIT2, pit))
		return fail_errno(r, errno, "KVM_SET_PIT2");
	if (skip_part(r, "uart"))
		return true;
	g->uart = uart->uart;
	g->console.line_len = uart->line_len < CONSOLE_LINE ? uart->line_len : 0;
	memcpy(g->console.line, uart->line, CONSOLE_LINE);
	return true;
}

static bool restore_vcpu(struct request *r, const struct state *s, struct vcpu *v)
{
	uint32_t version = state_head(s)->version;

	for (unsigned int i = 0; i < vcpu_part_count; i++) {
		const struct vcpu_part *part = &vcpu_parts[i];
		uint64_t len = 0, lacks;
		const void *from = state_find(s, part->type, v->number, &len);

		if (part->since > version || skip_part(r, part->name))
			continue;
		if (!from)
			return fail_errno(r, EBADMSG, "the state has no %s of vCPU %u", part->name,
					  v->number);
		lacks = part->lacks ? part->lacks(v, from, len) : 0;
		if (lacks)
			return fail_errno(r, EOPNOTSUPP,
					  "%s of vCPU %u has features that are missing here: %#llx",
					  part->name, v->number, (unsigned long long)lacks);
		if (part->load(v, from, len))
			return fail_errno(r, errno, "restoring %s of vCPU %u", part->name,
					  v->number);
	}
	return true;
}

static bool restore_guest_part(struct request *r, struct guest *g, const struct guest_part *part,
			       uint64_t file_bytes)
{
	if (part->kind > GUEST_LINUX || !part->vcpus || part->vcpus > GUEST_VCPUS ||
	    part->size != file_bytes || part->size > GUEST_SIZE_MAX || !part->pause_khz)
		return fail_errno(r, EBADMSG,
				  "the state has %u vCPUs and %llu bytes, the RAM file has %llu",
				  part->vcpus, (unsigned long long)part->size,
				  (unsigned long long)file_bytes);
	g->kind = part->kind;
	g->vcpus = part->vcpus;
	g->size = part->size;
	g->seed = part->seed;
	g->features = part->features;
	g->ticks = part->ticks;
	g->reports = part->reports;
	g->jumped = part->jumped;
	g->failed = part->failed;
	g->max_gap_us = part->max_gap_us;
	g->pause_first = part->pause_first;
	g->pause_last = part->pause_last;
	g->pause_khz = part->pause_khz;
	g->console.tick = part->tick;
	g->console.tick.boot_id[BOOT_ID - 1] = 0;
	return true;
}

static bool restore_devices(struct request *r, const struct state *s, struct guest *g)
{
	const struct devices_part *part;
	uint64_t len;

	if (state_head(s)->version < DEVICES_SINCE ||
	    !state_find(s, SECTION_DEVICES, OF_MACHINE, &len))
		return true;
	part = restore_section(r, s, SECTION_DEVICES, sizeof(*part));
	return part && guest_devices_load(r, g, part);
}

static bool restore_guest(struct request *r, struct guest *g, const struct state *s, int ram)
{
	const struct guest_part *part = restore_section(r, s, SECTION_GUEST, sizeof(*part));
	uint32_t vcpus;
	uint64_t size;

	if (!part)
		return false;
	if (file_size(ram, &size))
		return fail_errno(r, errno, "size of the RAM file");
	if (!restore_guest_part(r, g, part, size) || !restore_devices(r, s, g) ||
	    !guest_map_ram(r, g, ram) || !vm_make(r, g))
		return false;
	g->needs = guest_needs(g);
	/* What version 1 cannot hold is left as a reset leaves it. */
	vcpus = state_head(s)->version < 2 ? 1 : g->vcpus;
	if (!restore_clock(r, s, g) || (g->kind == GUEST_LINUX && !restore_chips(r, s, g)))
		return false;
	for (uint32_t i = 0; i < vcpus; i++)
		if (!restore_vcpu(r, s, &g->vcpu[i]))
			return false;
	return true;
}

static void restore_put(struct request *r, const struct guest *g, const struct state *s)
{
	char hex[16];

	guest_put_identity(r, g);
	put_u64(r, "version", state_head(s)->version);
	put_u64(r, "ticks", g->ticks);
	put_stamp(r, "at", stamp_now());
	put_u64(r, "msrsRefusedCount", msrs_refused.count);
	put_raw(r, "msrsRefused");
	for (uint32_t i = 0; i < msrs_refused.count && i < REFUSED_MAX; i++) {
		snprintf(hex, sizeof(hex), "%s\"%x\"", i ? "," : "[", msrs_refused.index[i]);
		text_str(r->body, hex);
	}
	text_str(r->body, msrs_refused.count ? "]" : "[]");
	put_raw(r, "tscKhz");
	text_str(r->body, "{\"saved\":");
	text_u64(r->body, g->pause_khz);
	text_str(r->body, ",\"now\":");
	text_u64(r->body, g->tsc_khz);
	text_str(r->body, ",\"guest\":");
	text_u64(r->body, (uint64_t)ioctl(g->vcpu[0].fd, KVM_GET_TSC_KHZ, 0));
	text_str(r->body, "}");
}

/**
 * op_guest_restore() - Operation guest-restore: make a guest from its files.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_restore(struct request *r)
{
	const char *file = request_get(r, "file"), *state = request_get(r, "state");
	int ram = registry_get(&files, file), state_fd = registry_get(&files, state);
	uint64_t reads = STATE_VERSION;
	struct state s = { 0 };
	struct guest *g;

	if (!guest_name_free(r) || !skip_check(r) ||
	    !request_number(r, "reads", STATE_VERSION, &reads))
		return false;
	if (ram < 0 || state_fd < 0)
		return fail_handle(r, "file", ram < 0 ? file : state);
	g = guest_new(r, GUEST_BARE);
	g->state_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 0);
	msrs_refused.count = 0;
	if (g->state_fd < 0) {
		fail_errno(r, errno, "dup");
	} else if (state_read(r, &s, state_fd, (uint32_t)reads) && restore_guest(r, g, &s, ram)) {
		g->state = GUEST_PAUSED;
		guest_add(g);
		restore_put(r, g, &s);
	}
	state_free(&s);
	if (r->error)
		guest_free(g);
	return !r->error;
}
