// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* One thread a vCPU: runs it, answers its exits, parks it when asked to. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "guest/guest.h"

#define KICK SIGUSR1
#define PARK_SECONDS 20
#define STACK_BYTES (64 * 1024)

static __thread struct kvm_run *running;

/* A kick between the look at v->stop and KVM_RUN must not be lost: the flag makes that KVM_RUN return at once. */
static void kicked(int signal)
{
	(void)signal;
	if (running)
		running->immediate_exit = 1;
}

/* Under the lock. */
static void stop_all(struct guest *g)
{
	for (unsigned i = 0; i < g->vcpus; i++) {
		__atomic_store_n(&g->vcpu[i].stop, true, __ATOMIC_SEQ_CST);
		if (g->vcpu[i].started)
			pthread_kill(g->vcpu[i].thread, KICK);
	}
}

void guest_dies(struct guest *g, const char *fmt, ...)
{
	va_list args;

	if (g->state == GUEST_DEAD)
		return;
	g->state = GUEST_DEAD;
	va_start(args, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, args);
	va_end(args);
	stop_all(g);
	pthread_cond_broadcast(&g->changed);
}

static void died(struct vcpu *v, const char *what, uint64_t detail)
{
	struct kvm_regs regs = { 0 };

	ioctl(v->fd, KVM_GET_REGS, &regs);
	guest_dies(v->guest, "vCPU %u: %s %#llx at rip %#llx", v->number, what, (unsigned long long)detail, (unsigned long long)regs.rip);
}

/* Under the lock. */
static void answer_exit(struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		guest_io(v);
		break;
	case KVM_EXIT_MMIO:
		if (!v->run->mmio.is_write)
			memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_IOAPIC_EOI:
		break;
	case KVM_EXIT_SHUTDOWN:
		died(v, "triple fault, flags", v->run->flags);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		died(v, "KVM internal error", v->run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		died(v, "entry failed", v->run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		died(v, "exit", v->run->exit_reason);
	}
}

/* An exit to us is finished by the next KVM_RUN: until then the registers are those before the instruction. */
static void finish_exit(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	ioctl(v->fd, KVM_RUN, 0);
	v->run->immediate_exit = 0;
}

/* Returns when it is to stop. */
static void run(struct vcpu *v)
{
	while (!__atomic_load_n(&v->stop, __ATOMIC_SEQ_CST)) {
		int err = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;

		if (err == EINTR || err == EAGAIN) {
			v->run->immediate_exit = 0;
			continue;
		}
		pthread_mutex_lock(&v->guest->lock);
		if (err)
			died(v, strerrorname_np(err) ? strerrorname_np(err) : "error", (uint64_t)err);
		else
			answer_exit(v);
		pthread_mutex_unlock(&v->guest->lock);
	}
	finish_exit(v);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;
	struct guest *g = v->guest;

	running = v->run;
	pthread_mutex_lock(&g->lock);
	while (!v->quit) {
		if (__atomic_load_n(&v->stop, __ATOMIC_SEQ_CST)) {
			v->parked = true;
			pthread_cond_broadcast(&g->changed);
			pthread_cond_wait(&g->changed, &g->lock);
			continue;
		}
		v->parked = false;
		pthread_mutex_unlock(&g->lock);
		run(v);
		pthread_mutex_lock(&g->lock);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/*
 * All vCPUs of a guest take turns on one processor of the machine: under QEMU 7.2's TCG, a guest whose vCPUs run at the same time on two
 * dies by a triple fault, seen once in some 50000 ticks.
 */
static void keep_together(pthread_attr_t *attr, const struct guest *g)
{
	cpu_set_t set;

	if (g->vcpus < 2)
		return;
	CPU_ZERO(&set);
	CPU_SET(g->processor % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

static bool make_thread(struct request *r, struct vcpu *v)
{
	struct sigaction action = { .sa_handler = kicked };
	pthread_attr_t attr;
	int err;

	sigaction(KICK, &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	keep_together(&attr, v->guest);
	err = pthread_create(&v->thread, &attr, vcpu_main, v);
	pthread_attr_destroy(&attr);
	v->started = !err;
	return !err || fail_errno(r, err, "a thread for vCPU %u", v->number);
}

bool vcpus_start(struct request *r, struct guest *g)
{
	bool ok = true;

	for (unsigned i = 0; i < g->vcpus && ok; i++) {
		struct vcpu *v = &g->vcpu[i];

		if (!v->started) {
			v->stop = true; /* none runs before all are there */
			ok = make_thread(r, v);
		}
	}
	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < g->vcpus && ok; i++)
		__atomic_store_n(&g->vcpu[i].stop, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

/* Under the lock. One that is dead stays where it is. */
static void run_on(struct guest *g)
{
	if (g->state == GUEST_DEAD)
		return;
	for (unsigned i = 0; i < g->vcpus; i++)
		__atomic_store_n(&g->vcpu[i].stop, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&g->changed);
}

/* All stop, or all go on: a guest that was not paused must not stand still later, when its slowest vCPU has noticed. */
bool vcpus_park(struct request *r, struct guest *g)
{
	struct timespec end;
	bool ok = true;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PARK_SECONDS;
	pthread_mutex_lock(&g->lock);
	stop_all(g);
	for (unsigned i = 0; i < g->vcpus && ok; i++)
		while (ok && g->vcpu[i].started && !g->vcpu[i].parked)
			ok = !pthread_cond_timedwait(&g->changed, &g->lock, &end) || fail_errno(r, ETIMEDOUT, "vCPU %u did not stop", i);
	if (!ok)
		run_on(g);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

void vcpus_quit(struct guest *g)
{
	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < g->vcpus; i++)
		g->vcpu[i].quit = true;
	stop_all(g);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	for (unsigned i = 0; i < g->vcpus; i++) {
		if (g->vcpu[i].started)
			pthread_join(g->vcpu[i].thread, NULL);
		g->vcpu[i].started = false;
	}
}
