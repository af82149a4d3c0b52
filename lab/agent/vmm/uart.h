/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of a 16450, enough for the console of Linux. */
#ifndef AGENT_GUEST_UART_H
#define AGENT_GUEST_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_PORT 0x3f8
#define UART_PORTS 8
#define UART_IRQ 4

/* The state file has it in this form: keep the layout. */
struct uart {
	uint8_t divisor_low, divisor_high, interrupts, fifo, line, modem, scratch;
	uint8_t sent; /* the interrupt for it has not been acknowledged yet */
};

bool uart_write(struct uart *u, unsigned int reg, uint8_t value);
uint8_t uart_read(struct uart *u, unsigned int reg);
bool uart_level(const struct uart *u);

#endif
