// SPDX-License-Identifier: GPL-2.0-only
/*
 * MultiProcessor Specification 1.4: the processors, an ISA bus, and one IOAPIC for the
 * interrupts of the ISA bus.
 */
#include "vmm/mptable.h"

#include <stddef.h>
#include <string.h>

#include "common/compiler.h"

#define LOCAL_APIC 0xfee00000u
#define IO_APIC 0xfec00000u
#define ISA_IRQS 16

struct mp_pointer {
	char signature[4] __nonstring;
	uint32_t table;
	uint8_t length, version, checksum, feature[5];
} __packed;

struct mp_header {
	char signature[4] __nonstring;
	uint16_t length;
	uint8_t version, checksum;
	char maker[8] __nonstring;
	char product[12] __nonstring;
	uint32_t oem_table;
	uint16_t oem_length, entries;
	uint32_t local_apic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __packed;

enum mp_entry { MP_PROCESSOR, MP_BUS, MP_IOAPIC, MP_INTERRUPT, MP_LOCAL_INTERRUPT };
enum mp_interrupt { MP_INT, MP_NMI, MP_SMI, MP_EXTINT };

static uint8_t mptable_sum(const uint8_t *bytes, unsigned int len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *bytes++);
	return s;
}

static uint8_t *mptable_put(uint8_t *at, const uint8_t *bytes, unsigned int len, uint16_t *entries)
{
	memcpy(at, bytes, len);
	++*entries;
	return at + len;
}

/**
 * mptable_write() - Write the MP table of a guest.
 * @to: where it goes
 * @vcpus: number of processors
 */
void mptable_write(uint8_t *to, unsigned int vcpus)
{
	struct mp_pointer p = {
		.signature = "_MP_", .table = MPTABLE_AT + sizeof(p), .length = 1, .version = 4
	};
	struct mp_header h = { .signature = "PCMP",
			       .version = 4,
			       .maker = "LULAB   ",
			       .product = "GUEST       ",
			       .local_apic = LOCAL_APIC };
	uint8_t *table = to + sizeof(p), *at = table + sizeof(h), ioapic = (uint8_t)vcpus;
	uint32_t address = IO_APIC;
	uint16_t entries = 0;

	memset(to, 0, MPTABLE_BYTES);
	for (unsigned int i = 0; i < vcpus; i++) {
		uint8_t cpu[20] = { MP_PROCESSOR, (uint8_t)i, 0x14, i ? 1 : 3, 0x00,
				    0x06,	  0,	      0,    0x01,      0x02 };

		at = mptable_put(at, cpu, sizeof(cpu), &entries);
	}
	at = mptable_put(at, (const uint8_t *)"\1\0ISA   ", 8, &entries);
	uint8_t chip[8] = { MP_IOAPIC, ioapic, 0x11, 1 };

	memcpy(chip + 4, &address, sizeof(address));
	at = mptable_put(at, chip, sizeof(chip), &entries);
	for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
		uint8_t line[8] = { MP_INTERRUPT, MP_INT, 0, 0, 0, irq, ioapic, irq };

		if (irq != 2) /* the cascade */
			at = mptable_put(at, line, sizeof(line), &entries);
	}
	at = mptable_put(at,
			 (const uint8_t[]){ MP_LOCAL_INTERRUPT, MP_EXTINT, 0, 0, 0, 0, 0xff, 0 }, 8,
			 &entries);
	at = mptable_put(at, (const uint8_t[]){ MP_LOCAL_INTERRUPT, MP_NMI, 0, 0, 0, 0, 0xff, 1 },
			 8, &entries);
	h.length = (uint16_t)(at - table);
	h.entries = entries;
	memcpy(table, &h, sizeof(h));
	table[offsetof(struct mp_header, checksum)] = (uint8_t)-mptable_sum(table, h.length);
	memcpy(to, &p, sizeof(p));
	to[offsetof(struct mp_pointer, checksum)] = (uint8_t)-mptable_sum(to, sizeof(p));
}
