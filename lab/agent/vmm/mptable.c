// SPDX-License-Identifier: GPL-2.0-only
#include "vmm/mptable.h"

#include <stddef.h>
#include <string.h>

#define LOCAL_APIC 0xfee00000u
#define IO_APIC 0xfec00000u
#define ISA_IRQS 16

struct pointer {
	char signature[4];
	uint32_t table;
	uint8_t length, version, checksum, feature[5];
} __attribute__((packed));

struct header {
	char signature[4];
	uint16_t length;
	uint8_t version, checksum;
	char maker[8], product[12];
	uint32_t oem_table;
	uint16_t oem_length, entries;
	uint32_t local_apic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __attribute__((packed));

enum entry_type { PROCESSOR, BUS, IOAPIC, INTERRUPT, LOCAL_INTERRUPT };
enum interrupt_type { INT, NMI, SMI, EXTINT };

static uint8_t sum(const uint8_t *bytes, unsigned len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *bytes++);
	return s;
}

static uint8_t *put(uint8_t *at, const uint8_t *bytes, unsigned len, uint16_t *entries)
{
	memcpy(at, bytes, len);
	++*entries;
	return at + len;
}

void mptable_write(uint8_t *to, unsigned vcpus)
{
	struct pointer p = { .signature = "_MP_", .table = MPTABLE_AT + sizeof(p), .length = 1, .version = 4 };
	struct header h = { .signature = "PCMP", .version = 4, .maker = "LULAB   ", .product = "GUEST       ", .local_apic = LOCAL_APIC };
	uint8_t *table = to + sizeof(p), *at = table + sizeof(h), ioapic = (uint8_t)vcpus;
	uint32_t address = IO_APIC;
	uint16_t entries = 0;

	memset(to, 0, MPTABLE_BYTES);
	for (unsigned i = 0; i < vcpus; i++) {
		uint8_t cpu[20] = { PROCESSOR, (uint8_t)i, 0x14, i ? 1 : 3, 0x00, 0x06, 0, 0, 0x01, 0x02 };

		at = put(at, cpu, sizeof(cpu), &entries);
	}
	at = put(at, (const uint8_t *)"\1\0ISA   ", 8, &entries);
	uint8_t chip[8] = { IOAPIC, ioapic, 0x11, 1 };

	memcpy(chip + 4, &address, sizeof(address));
	at = put(at, chip, sizeof(chip), &entries);
	for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
		uint8_t line[8] = { INTERRUPT, INT, 0, 0, 0, irq, ioapic, irq };

		if (irq != 2) /* the cascade */
			at = put(at, line, sizeof(line), &entries);
	}
	at = put(at, (const uint8_t[]){ LOCAL_INTERRUPT, EXTINT, 0, 0, 0, 0, 0xff, 0 }, 8, &entries);
	at = put(at, (const uint8_t[]){ LOCAL_INTERRUPT, NMI, 0, 0, 0, 0, 0xff, 1 }, 8, &entries);
	h.length = (uint16_t)(at - table);
	h.entries = entries;
	memcpy(table, &h, sizeof(h));
	table[offsetof(struct header, checksum)] = (uint8_t)-sum(table, h.length);
	memcpy(to, &p, sizeof(p));
	to[offsetof(struct pointer, checksum)] = (uint8_t)-sum(to, sizeof(p));
}
