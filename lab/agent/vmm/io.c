// SPDX-License-Identifier: GPL-2.0-only
/* Port accesses of a guest. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/ioctl.h>

#include "guest/guest.h"

#define SYSTEM_CONTROL_PORT 0x61
#define REFRESH_TOGGLE 0x20

/**
 * guest_ticked() - Note a tick of a guest.
 * @g: the guest
 * @tick: number of the tick
 *
 * The caller holds the lock.
 */
void guest_ticked(struct guest *g, uint64_t tick)
{
	struct stamp now = stamp_now();

	g->jumped += g->ticks && tick != g->ticks + 1;
	g->ticks = tick;
	g->reports++;
	if (!g->first_tick.us)
		g->first_tick = now;
	g->last_tick = now;
	pthread_cond_broadcast(&g->changed);
}

/*
 * The port says that there was a tick, the control page says which. Nothing caches it, so a
 * lost page shows here, too.
 */
static uint64_t io_bare_tick(const struct guest *g)
{
	const volatile struct control *c = (const volatile struct control *)g->ram;

	return c->share[0].ticks;
}

static void io_bare_report(struct guest *g, uint32_t value)
{
	uint32_t vcpu = value >> 24 & 0xf, low = value & 0xffffff;

	switch (value >> 28) {
	case REPORT_TICK:
		if (vcpu == 0)
			guest_ticked(g, io_bare_tick(g));
		break;
	case REPORT_FAILED:
		g->failed++;
		pthread_cond_broadcast(&g->changed);
		break;
	case REPORT_EXCEPTION:
		guest_dies(g, "vCPU %u: exception %u", vcpu, low);
		break;
	default:
		break;
	}
}

static void io_set_uart_line(struct guest *g, bool before)
{
	struct kvm_irq_level level = { .irq = UART_IRQ, .level = uart_level(&g->uart) };

	if (before != uart_level(&g->uart))
		ioctl(g->vm, KVM_IRQ_LINE, &level);
}

/* A tick of a Linux guest, with what it says about itself. */
static void io_linux_ticked(struct guest *g)
{
	const struct guest_tick *tick = &g->console.tick;

	guest_ticked(g, tick->tick);
	g->failed += tick->bad || tick->fpu_bad || tick->boot_id_changed || tick->tsc_back ||
		     tick->mono_back;
}

static void io_linux_out(struct guest *g, uint16_t port, uint8_t value)
{
	bool before = uart_level(&g->uart);
	uint64_t mono = g->console.tick.mono_us;

	if (port < UART_PORT || port >= UART_PORT + UART_PORTS)
		return;
	if (uart_write(&g->uart, port - UART_PORT, value)) {
		uint64_t lines = g->console.lines;
		uint32_t panicked = g->console.tick.panicked;

		if (console_put(&g->console, (char)value)) {
			if (mono && g->console.tick.mono_us > mono &&
			    g->console.tick.mono_us - mono > g->max_gap_us)
				g->max_gap_us = g->console.tick.mono_us - mono;
			io_linux_ticked(g);
		} else if (lines != g->console.lines) {
			g->failed += g->console.tick.panicked && !panicked;
			pthread_cond_broadcast(&g->changed);
		}
	}
	io_set_uart_line(g, before);
}

static uint8_t io_linux_in(struct guest *g, uint16_t port)
{
	bool before = uart_level(&g->uart);
	uint8_t value = 0xff;

	if (port == SYSTEM_CONTROL_PORT)
		return REFRESH_TOGGLE;
	if (port >= UART_PORT && port < UART_PORT + UART_PORTS)
		value = uart_read(&g->uart, port - UART_PORT);
	io_set_uart_line(g, before);
	return value;
}

/**
 * guest_io() - Handle a port access of a guest (KVM_EXIT_IO).
 * @v: the vCPU
 *
 * The caller holds the lock.
 */
void guest_io(struct vcpu *v)
{
	struct guest *g = v->guest;
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool out = run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t value;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (!out) {
			memset(data, 0xff, run->io.size);
			if (g->kind == GUEST_LINUX)
				data[0] = io_linux_in(g, run->io.port);
		} else if (g->kind == GUEST_LINUX) {
			io_linux_out(g, run->io.port, data[0]);
		} else if (run->io.port == REPORT_PORT && run->io.size == sizeof(value)) {
			memcpy(&value, data, sizeof(value));
			io_bare_report(g, value);
		}
	}
}
