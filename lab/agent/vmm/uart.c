// SPDX-License-Identifier: GPL-2.0-only
/*
 * A part of a 16450, enough for the console of Linux: it sends, it receives nothing, and it
 * raises an interrupt after sending.
 */
#include "vmm/uart.h"

#include <linux/serial_reg.h>

#define LOOPBACK UART_MCR_LOOP

/**
 * uart_level() - Get the level of the interrupt line.
 * @u: the UART
 *
 * Return: true if it is high
 */
bool uart_level(const struct uart *u)
{
	return (u->interrupts & UART_IER_THRI) && u->sent;
}

/**
 * uart_write() - Write a register of the UART.
 * @u: the UART
 * @reg: number of the register
 * @value: the value
 *
 * Return: true if this sent a character
 */
bool uart_write(struct uart *u, unsigned int reg, uint8_t value)
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
		/* Turning the interrupt on while nothing is being sent raises it. */
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

static uint8_t uart_identify(struct uart *u)
{
	uint8_t fifo = u->fifo & UART_FCR_ENABLE_FIFO ? 0xc0 : 0;

	if (!uart_level(u))
		return fifo | UART_IIR_NO_INT;
	u->sent = 0; /* reading it acknowledges the interrupt */
	return fifo | UART_IIR_THRI;
}

/**
 * uart_read() - Read a register of the UART.
 * @u: the UART
 * @reg: number of the register
 *
 * Return: the value
 */
uint8_t uart_read(struct uart *u, unsigned int reg)
{
	bool divisor = u->line & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return divisor ? u->divisor_low : 0;
	case UART_IER:
		return divisor ? u->divisor_high : u->interrupts;
	case UART_IIR:
		return uart_identify(u);
	case UART_LCR:
		return u->line;
	case UART_MCR:
		return u->modem;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		/*
		 * In loopback mode the outputs of the modem come back as its inputs. This is
		 * how Linux finds a UART.
		 */
		return u->modem & LOOPBACK ?
			       (uint8_t)((u->modem & 3) << 4 | (u->modem & 0xc) << 4) :
			       UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	case UART_SCR:
		return u->scratch;
	default:
		return 0xff;
	}
}
