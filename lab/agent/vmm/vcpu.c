// SPDX-License-Identifier: GPL-2.0-only
/* One thread for each vCPU. It runs the vCPU, answers its exits, and parks it when asked to. */
#define _GNU_SOURCE
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

static __thread struct kvm_run *vcpu_running;

/*
 * A kick between the check of v->stop and KVM_RUN must not get lost. The flag makes that
 * KVM_RUN return at once.
 */
static void vcpu_kicked(int signal)
{
	(void)signal;
	if (vcpu_running)
		vcpu_running->immediate_exit = 1;
}

/* The caller holds the lock. */
static void vcpus_stop(struct guest *g)
{
	for (unsigned int i = 0; i < g->vcpus; i++) {
		__atomic_store_n(&g->vcpu[i].stop, true, __ATOMIC_SEQ_CST);
		if (g->vcpu[i].started)
			pthread_kill(g->vcpu[i].thread, KICK);
	}
}

/**
 * guest_dies() - Mark a guest as dead and stop its vCPUs.
 * @g: the guest
 * @fmt: format of the text that says why
 * @...: arguments of @fmt
 *
 * The caller holds the lock.
 */
void guest_dies(struct guest *g, const char *fmt, ...)
{
	va_list args;

	if (g->state == GUEST_DEAD)
		return;
	g->state = GUEST_DEAD;
	va_start(args, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, args);
	va_end(args);
	vcpus_stop(g);
	pthread_cond_broadcast(&g->changed);
}

static void vcpu_died(struct vcpu *v, const char *what, uint64_t detail)
{
	struct kvm_regs regs = { 0 };

	ioctl(v->fd, KVM_GET_REGS, &regs);
	guest_dies(v->guest, "vCPU %u: %s %#llx at rip %#llx", v->number, what,
		   (unsigned long long)detail, (unsigned long long)regs.rip);
}

/* The caller holds the lock. */
static void vcpu_answer_exit(struct vcpu *v)
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
		vcpu_died(v, "triple fault, flags", v->run->flags);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		vcpu_died(v, "KVM internal error", v->run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vcpu_died(v, "entry failed", v->run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		vcpu_died(v, "exit", v->run->exit_reason);
	}
}

/*
 * The next KVM_RUN completes an exit to user space. Until then the registers are those before
 * the instruction.
 */
static void vcpu_finish_exit(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	ioctl(v->fd, KVM_RUN, 0);
	v->run->immediate_exit = 0;
}

/* Returns when the vCPU must stop. */
static void vcpu_run(struct vcpu *v)
{
	while (!__atomic_load_n(&v->stop, __ATOMIC_SEQ_CST)) {
		int err = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;

		if (err == EINTR || err == EAGAIN) {
			v->run->immediate_exit = 0;
			continue;
		}
		pthread_mutex_lock(&v->guest->lock);
		if (err)
			vcpu_died(v, strerrorname_np(err) ? strerrorname_np(err) : "error",
				  (uint64_t)err);
		else
			vcpu_answer_exit(v);
		pthread_mutex_unlock(&v->guest->lock);
	}
	vcpu_finish_exit(v);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;
	struct guest *g = v->guest;

	vcpu_running = v->run;
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
		vcpu_run(v);
		pthread_mutex_lock(&g->lock);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/*
 * All vCPUs of a guest take turns on one processor of the machine. Under TCG of QEMU 7.2, a
 * guest whose vCPUs run at the same time on two processors dies of a triple fault, about once
 * in 50000 ticks.
 */
static void vcpu_keep_together(pthread_attr_t *attr, const struct guest *g)
{
	cpu_set_t set;

	if (g->vcpus < 2)
		return;
	CPU_ZERO(&set);
	CPU_SET(g->processor % (unsigned int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

static bool vcpu_make_thread(struct request *r, struct vcpu *v)
{
	struct sigaction action = { .sa_handler = vcpu_kicked };
	pthread_attr_t attr;
	int err;

	sigaction(KICK, &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	vcpu_keep_together(&attr, v->guest);
	err = pthread_create(&v->thread, &attr, vcpu_main, v);
	pthread_attr_destroy(&attr);
	v->started = !err;
	return !err || fail_errno(r, err, "a thread for vCPU %u", v->number);
}

/**
 * vcpus_start() - Start or continue all vCPUs of a guest.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool vcpus_start(struct request *r, struct guest *g)
{
	bool ok = true;

	for (unsigned int i = 0; i < g->vcpus && ok; i++) {
		struct vcpu *v = &g->vcpu[i];

		if (!v->started) {
			v->stop = true; /* none runs before all threads exist */
			ok = vcpu_make_thread(r, v);
		}
	}
	pthread_mutex_lock(&g->lock);
	for (unsigned int i = 0; i < g->vcpus && ok; i++)
		__atomic_store_n(&g->vcpu[i].stop, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

/* The caller holds the lock. A dead guest stays stopped. */
static void vcpus_go_on(struct guest *g)
{
	if (g->state == GUEST_DEAD)
		return;
	for (unsigned int i = 0; i < g->vcpus; i++)
		__atomic_store_n(&g->vcpu[i].stop, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&g->changed);
}

/**
 * vcpus_park() - Stop all vCPUs of a guest.
 * @r: the request
 * @g: the guest
 *
 * Either all stop or all go on. A guest whose pause has failed must not stop later, when its
 * slowest vCPU notices the request.
 *
 * Return: true, or false after the request has failed
 */
bool vcpus_park(struct request *r, struct guest *g)
{
	struct timespec end;
	bool ok = true;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PARK_SECONDS;
	pthread_mutex_lock(&g->lock);
	vcpus_stop(g);
	for (unsigned int i = 0; i < g->vcpus && ok; i++)
		while (ok && g->vcpu[i].started && !g->vcpu[i].parked)
			ok = !pthread_cond_timedwait(&g->changed, &g->lock, &end) ||
			     fail_errno(r, ETIMEDOUT, "vCPU %u did not stop", i);
	if (!ok)
		vcpus_go_on(g);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

/**
 * vcpus_quit() - End the threads of all vCPUs.
 * @g: the guest
 */
void vcpus_quit(struct guest *g)
{
	pthread_mutex_lock(&g->lock);
	for (unsigned int i = 0; i < g->vcpus; i++)
		g->vcpu[i].quit = true;
	vcpus_stop(g);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	for (unsigned int i = 0; i < g->vcpus; i++) {
		if (g->vcpu[i].started)
			pthread_join(g->vcpu[i].thread, NULL);
		g->vcpu[i].started = false;
	}
}
