/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of a 16450 as Linux needs for a console: it sends, it receives nothing, and it interrupts when it has sent. */
#ifndef AGENT_GUEST_UART_H
#define AGENT_GUEST_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_PORT 0x3f8
#define UART_PORTS 8
#define UART_IRQ 4

/* As it goes into the state file: keep the layout. */
struct uart {
	uint8_t divisor_low, divisor_high, interrupts, fifo, line, modem, scratch;
	uint8_t sent; /* an interrupt for it has not been read yet */
};

/* True if a character was sent. */
bool uart_write(struct uart *u, unsigned reg, uint8_t value);
uint8_t uart_read(struct uart *u, unsigned reg);
/* Level of the interrupt line now. */
bool uart_level(const struct uart *u);

#endif
