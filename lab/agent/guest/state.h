/* SPDX-License-Identifier: GPL-2.0-only */
/* The state file of a guest: sections behind a versioned header. docs/guest-payload.md is its definition. */
#ifndef AGENT_GUEST_STATE_H
#define AGENT_GUEST_STATE_H

#include "guest/guest.h"

enum section_type {
	SECTION_GUEST = 1, SECTION_CLOCK, SECTION_IRQCHIP, SECTION_PIT, SECTION_UART, SECTION_DEVICES,
	SECTION_CPUID = 16, SECTION_REGS, SECTION_SREGS, SECTION_XSAVE, SECTION_XCRS, SECTION_MSRS, SECTION_LAPIC, SECTION_EVENTS, SECTION_MP, SECTION_TSC,
	SECTION_DEBUGREGS,
};
#define OF_MACHINE 0xffffu
#define DEVICES_SINCE 3u /* version */

struct state_header {
	uint64_t magic;
	uint32_t version, needs, sections, reserved;
	uint64_t length, checksum;
};

/* A whole state in memory, while it is written or after it was read. */
struct state {
	uint8_t *bytes; /* begins with the header */
	uint64_t room;
};

struct state_header *state_head(const struct state *s);
void state_begin(struct state *s, uint32_t version, uint32_t needs);
/* Room for a section of at most room bytes; then its true length. NULL: does not fit. */
void *state_section(struct state *s, uint64_t room);
void state_section_end(struct state *s, enum section_type type, unsigned vcpu, uint64_t len);
bool state_write(struct request *r, struct state *s, int fd);
/* Errors: ENODATA, EOPNOTSUPP, EBADMSG as the protocol tells. */
bool state_read(struct request *r, struct state *s, int fd, uint32_t reads);
const void *state_find(const struct state *s, enum section_type type, unsigned vcpu, uint64_t *len);
void state_free(struct state *s);

/* guest-parts.c: what a vCPU consists of, in the order in which it must be restored. */
struct vcpu_part {
	const char *name; /* as in skip= */
	enum section_type type;
	uint32_t since; /* version */
	uint64_t room;
	int64_t (*save)(struct vcpu *v, void *to);                       /* bytes written, or -1 and errno */
	int (*load)(struct vcpu *v, const void *from, uint64_t len); /* 0, or -1 and errno */
};
extern const struct vcpu_part vcpu_parts[];
extern const unsigned vcpu_part_count;

/* guest-msrs.c */
int64_t msrs_save(struct vcpu *v, void *to);
int msrs_load(struct vcpu *v, const void *from, uint64_t len);
#define REFUSED_MAX 16
struct msrs_refused {
	uint32_t count, index[REFUSED_MAX];
};
extern struct msrs_refused msrs_refused; /* by the restore that runs */

/* Besides vCPUs. */
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
/* Which devices it has, and where each is for it: all that a device itself holds is not the guest's. */
struct devices_part {
	uint32_t count, reserved;
	struct {
		char name[DEVICE_NAME];
		uint64_t bar;
	} device[GUEST_DEVICES];
};
struct devices_part devices_part_of(const struct guest *g);
bool devices_take(struct request *r, struct guest *g, const struct devices_part *part); /* EBADMSG */
struct clock_part {
	struct kvm_clock_data clock;
	uint64_t tsc; /* of the machine, when it was read */
};

#endif
