// SPDX-License-Identifier: GPL-2.0-only
#include "vmm/uart.h"

#include <linux/serial_reg.h>

#define LOOPBACK UART_MCR_LOOP

bool uart_level(const struct uart *u)
{
	return (u->interrupts & UART_IER_THRI) && u->sent;
}

bool uart_write(struct uart *u, unsigned reg, uint8_t value)
{
	bool divisor = u->line & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (divisor) {
			u->divisor_low = value;
			return false;
		}
		u->sent = 1;
		return !(u->modem & LOOPBACK);
	case UART_IER:
		if (divisor) {
			u->divisor_high = value;
			return false;
		}
		/* Turning the interrupt on with nothing to send raises it. */
		if ((value & UART_IER_THRI) && !(u->interrupts & UART_IER_THRI))
			u->sent = 1;
		u->interrupts = value & 0x0f;
		return false;
	case UART_FCR:
		u->fifo = value;
		return false;
	case UART_LCR:
		u->line = value;
		return false;
	case UART_MCR:
		u->modem = value;
		return false;
	case UART_SCR:
		u->scratch = value;
		return false;
	default:
		return false;
	}
}

static uint8_t identify(struct uart *u)
{
	uint8_t fifo = u->fifo & UART_FCR_ENABLE_FIFO ? 0xc0 : 0;

	if (!uart_level(u))
		return fifo | UART_IIR_NO_INT;
	u->sent = 0; /* reading is the acknowledgement */
	return fifo | UART_IIR_THRI;
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
	bool divisor = u->line & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return divisor ? u->divisor_low : 0;
	case UART_IER:
		return divisor ? u->divisor_high : u->interrupts;
	case UART_IIR:
		return identify(u);
	case UART_LCR:
		return u->line;
	case UART_MCR:
		return u->modem;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		/* In loopback the modem's outputs come back as its inputs: that is how Linux finds a UART. */
		return u->modem & LOOPBACK ? (uint8_t)((u->modem & 3) << 4 | (u->modem & 0xc) << 4) : UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	case UART_SCR:
		return u->scratch;
	default:
		return 0xff;
	}
}
