/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual machines. The agent is a small VMM: see docs/agent-protocol.md, "Guests". */
#ifndef AGENT_GUEST_H
#define AGENT_GUEST_H

#include <linux/kvm.h>
#include <pthread.h>

#include "../../guest/bare/layout.h"
#include "vmm/console.h"
#include "vmm/uart.h"
#include "wire/wire.h"

#define GUEST_SIZE_MAX (3ull << 30) /* the APICs are above it */
/* The newest version that this agent writes and reads: docs/guest-payload.md. */
#define STATE_VERSION 3u

enum guest_kind { GUEST_BARE, GUEST_LINUX };
enum guest_state { GUEST_CREATED, GUEST_RUNNING, GUEST_PAUSED, GUEST_DEAD };
extern const char *const guest_kinds[], *const guest_states[];

/*
 * One moment on two clocks. CLOCK_MONOTONIC starts again with every kernel, the TSC of the
 * machine goes on.
 */
struct stamp {
	uint64_t us, tsc;
};

struct stamp stamp_now(void);
uint64_t tsc_span(uint64_t then, uint64_t now, uint64_t khz, uint64_t per_ms);
void put_stamp(struct request *r, const char *key, struct stamp s);

struct vcpu {
	struct guest *guest;
	unsigned int number;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	/* Protected by guest->lock; stop is also read without it. */
	bool started, stop, quit, parked;
};

/*
 * A device of a guest. bar is our own mapping of its BAR, or NULL while the guest does not have
 * it.
 */
#define DEVICE_NAME 48
struct guest_device {
	char name[DEVICE_NAME];
	void *bar;
};

struct guest {
	struct guest *next;
	char *name;
	enum guest_kind kind;
	enum guest_state state;
	char why[160];
	int vm, state_fd; /* its own descriptor of the state file */
	uint8_t *ram;
	uint64_t size;
	uint32_t vcpus, seed, features, needs;
	uint64_t tsc_khz;
	unsigned int processor; /* of the machine; used by guests with several vCPUs */
	struct vcpu vcpu[GUEST_VCPUS];
	uint32_t devices;
	struct guest_device device[GUEST_DEVICES];

	pthread_mutex_t lock;
	pthread_cond_t changed; /* signals a tick, a line, a parked vCPU or the end */
	struct uart uart;
	struct console console;
	uint64_t ticks, reports, jumped, failed, max_gap_us;
	struct stamp first_tick, last_tick; /* since the last run or resume */
	struct stamp pause_first, pause_last;
	uint64_t pause_khz; /* of the kernel that paused it */
};

/* guest/table.c */
struct guest *guest_find(const char *name);
struct guest *guest_of(struct request *r);
bool guest_name_free(struct request *r);
struct guest *guest_new(struct request *r, enum guest_kind kind);
void guest_add(struct guest *g);
struct guest *guest_next(const struct guest *g);
void guest_free(struct guest *g);
bool guest_must_be(struct request *r, const struct guest *g, enum guest_state a,
		   enum guest_state b);

/* vmm/vm.c */
int kvm_device(struct request *r);
bool vm_make(struct request *r, struct guest *g);
bool vm_default_cpuid(struct request *r, struct guest *g);
void vm_remove(struct guest *g);

/* vmm/vcpu.c */
bool vcpus_start(struct request *r, struct guest *g);
bool vcpus_park(struct request *r, struct guest *g);
void vcpus_quit(struct guest *g);
void guest_dies(struct guest *g, const char *fmt, ...) __printf(2, 3);

/* vmm/io.c */
void guest_io(struct vcpu *v);
void guest_ticked(struct guest *g, uint64_t t);

/* vmm/bare.c, vmm/linux.c, vmm/boot.c */
bool bare_layout(struct request *r, struct guest *g);
bool linux_layout(struct request *r, struct guest *g);
bool long_mode(struct request *r, struct vcpu *v, uint64_t tables, uint64_t gdt, uint16_t code,
	       const struct kvm_regs *regs);

/* guest/device.c */
bool guest_devices_parse(struct request *r, struct guest *g);
void guest_device_detach(const char *name);
void guest_devices_detach(struct guest *g);
void guest_put_devices(struct request *r, const struct guest *g);

/* guest/state.c */
uint64_t state_room(uint32_t vcpus);

#endif
