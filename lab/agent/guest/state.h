/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state file of a guest: sections behind a header with a version. docs/guest-payload.md
 * defines it.
 */
#ifndef AGENT_GUEST_STATE_H
#define AGENT_GUEST_STATE_H

#include "guest/guest.h"

enum section_type {
	SECTION_GUEST = 1,
	SECTION_CLOCK,
	SECTION_IRQCHIP,
	SECTION_PIT,
	SECTION_UART,
	SECTION_DEVICES,
	SECTION_CPUID = 16,
	SECTION_REGS,
	SECTION_SREGS,
	SECTION_XSAVE,
	SECTION_XCRS,
	SECTION_MSRS,
	SECTION_LAPIC,
	SECTION_EVENTS,
	SECTION_MP,
	SECTION_TSC,
	SECTION_DEBUGREGS,
};

#define OF_MACHINE 0xffffu
#define DEVICES_SINCE 3u /* first version that has them */

struct state_header {
	uint64_t magic;
	uint32_t version, needs, sections, reserved;
	uint64_t length, checksum;
};

/* A whole state in memory, to be written or just read. */
struct state {
	uint8_t *bytes; /* starts with the header */
	uint64_t room;
};

struct state_header *state_head(const struct state *s);
void state_begin(struct state *s, uint32_t version, uint32_t needs);
void *state_section(struct state *s, uint64_t room);
void state_section_end(struct state *s, enum section_type type, unsigned int vcpu, uint64_t len);
bool state_write(struct request *r, struct state *s, int fd);
bool state_read(struct request *r, struct state *s, int fd, uint32_t reads);
const void *state_find(const struct state *s, enum section_type type, unsigned int vcpu,
		       uint64_t *len);
void state_free(struct state *s);

/* vmm/parts.c: the parts of a vCPU, in the order in which they must be restored. */
struct vcpu_part {
	const char *name; /* as in skip= */
	enum section_type type;
	uint32_t since; /* first version that has them */
	uint64_t room;
	int64_t (*save)(struct vcpu *v, void *to); /* the bytes written, or -1 with errno set */
	int (*load)(struct vcpu *v, const void *from, uint64_t len); /* 0, or -1 with errno set */
	/* features of the part that this processor or kernel does not have; NULL: it needs none */
	uint64_t (*lacks)(struct vcpu *v, const void *from, uint64_t len);
};

extern const struct vcpu_part vcpu_parts[];
extern const unsigned int vcpu_part_count;

/* vmm/msrs.c */
int64_t msrs_save(struct vcpu *v, void *to);
int msrs_load(struct vcpu *v, const void *from, uint64_t len);
#define REFUSED_MAX 16
struct msrs_refused {
	uint32_t count, index[REFUSED_MAX];
};

extern struct msrs_refused msrs_refused; /* of the restore that is running */

/* The guest without its vCPUs. */
struct guest_part {
	uint32_t kind, vcpus;
	uint64_t size;
	uint32_t seed, features;
	uint64_t ticks, reports, jumped, failed, max_gap_us;
	struct stamp pause_first, pause_last;
	uint64_t pause_khz;
	struct guest_tick tick;
};

struct uart_part {
	struct uart uart;
	uint32_t line_len;
	char line[CONSOLE_LINE];
};

/*
 * Which devices the guest has, and where each is. What a device itself holds is not part of the
 * guest.
 */
struct devices_part {
	uint32_t count, reserved;
	struct {
		char name[DEVICE_NAME];
		uint64_t bar;
	} device[GUEST_DEVICES];
};

struct devices_part guest_devices_save(const struct guest *g);
bool guest_devices_load(struct request *r, struct guest *g, const struct devices_part *part);
struct clock_part {
	struct kvm_clock_data clock;
	uint64_t tsc; /* of the machine, at the time of reading */
};

#endif
