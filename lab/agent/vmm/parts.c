// SPDX-License-Identifier: GPL-2.0-only
/* The parts of a vCPU that are saved and restored. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest/state.h"
#include "vmm/vm.h"

/* Structures of a fixed size, with one ioctl to get them and one to set them. */
#define PLAIN(name, get, set, type)                                                    \
	static int64_t name##_save(struct vcpu *v, void *to)                           \
	{                                                                              \
		return ioctl(v->fd, get, to) ? -1 : (int64_t)sizeof(type);             \
	}                                                                              \
	static int name##_load(struct vcpu *v, const void *from, uint64_t len)         \
	{                                                                              \
		errno = EBADMSG;                                                       \
		return len == sizeof(type) ? ioctl(v->fd, set, from) : -1;             \
	}
PLAIN(regs, KVM_GET_REGS, KVM_SET_REGS, struct kvm_regs)
PLAIN(sregs, KVM_GET_SREGS, KVM_SET_SREGS, struct kvm_sregs)
PLAIN(lapic, KVM_GET_LAPIC, KVM_SET_LAPIC, struct kvm_lapic_state)
PLAIN(events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, struct kvm_vcpu_events)
PLAIN(mp, KVM_GET_MP_STATE, KVM_SET_MP_STATE, struct kvm_mp_state)
PLAIN(debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, struct kvm_debugregs)

/* A processor without XSAVE has none. KVM then accepts none, not even an empty list. */
static int64_t xcrs_save(struct vcpu *v, void *to)
{
	memset(to, 0, sizeof(struct kvm_xcrs));
	if (ioctl(v->guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return sizeof(struct kvm_xcrs);
	return ioctl(v->fd, KVM_GET_XCRS, to) ? -1 : (int64_t)sizeof(struct kvm_xcrs);
}

static int xcrs_load(struct vcpu *v, const void *from, uint64_t len)
{
	struct kvm_xcrs xcrs;

	errno = EBADMSG;
	if (len != sizeof(xcrs))
		return -1;
	memcpy(&xcrs, from, sizeof(xcrs));
	/* Without XSAVE, KVM sets none. xcrs_lacks() has seen that the guest uses none. */
	if (!xcrs.nr_xcrs || ioctl(v->guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return 0;
	return ioctl(v->fd, KVM_SET_XCRS, &xcrs);
}

#define XCR0_X87 1ull
#define XFEATURES_LEGACY 3ull /* x87 and SSE: FXSAVE holds them as well */
#define XSAVE_HEADER 512      /* where XSAVE says which features the area holds */
#define XSAVE_MAX 12288

/* The features of XSAVE that a guest can have here; 0 if there is no XSAVE. */
static uint64_t xfeatures_here(struct vcpu *v)
{
	static struct cpuid_list list;
	struct request silent = { 0 };

	if (ioctl(v->guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return 0;
	list.head.nent = CPUID_MAX;
	if (ioctl(kvm_device(&silent), KVM_GET_SUPPORTED_CPUID, &list))
		return 0;
	for (unsigned int i = 0; i < list.head.nent; i++)
		if (list.entry[i].function == 0xd && !list.entry[i].index)
			return list.entry[i].eax | (uint64_t)list.entry[i].edx << 32;
	return 0;
}

/*
 * XCR0 says which features the guest has switched on. Only x87 is on after a reset, and a guest
 * that sees no XSAVE leaves it so.
 */
static uint64_t xcrs_lacks(struct vcpu *v, const void *from, uint64_t len)
{
	uint64_t here = xfeatures_here(v) | XCR0_X87, lacks = 0;
	struct kvm_xcrs xcrs;

	if (len != sizeof(xcrs))
		return 0;
	memcpy(&xcrs, from, sizeof(xcrs));
	for (uint32_t i = 0; i < xcrs.nr_xcrs && i < ARRAY_SIZE(xcrs.xcrs); i++)
		if (!xcrs.xcrs[i].xcr)
			lacks |= xcrs.xcrs[i].value & ~here;
	return lacks;
}

static uint64_t xsave_lacks(struct vcpu *v, const void *from, uint64_t len)
{
	uint64_t features;

	if (len < XSAVE_HEADER + sizeof(features))
		return 0;
	memcpy(&features, (const char *)from + XSAVE_HEADER, sizeof(features));
	return features & ~(xfeatures_here(v) | XFEATURES_LEGACY);
}

/*
 * KVM has this on a processor without XSAVE too: the area then holds what FXSAVE holds, in a
 * form that a processor with XSAVE takes. The state is larger than the structure if the
 * processor has features that must be requested, such as AMX.
 */
static int64_t xsave_save(struct vcpu *v, void *to)
{
	int size = ioctl(v->guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	if (size <= (int)sizeof(struct kvm_xsave))
		return ioctl(v->fd, KVM_GET_XSAVE, to) ? -1 : (int64_t)sizeof(struct kvm_xsave);
	errno = E2BIG;
	return size > XSAVE_MAX || ioctl(v->fd, KVM_GET_XSAVE2, to) ? -1 : size;
}

/*
 * KVM reads as many bytes as its own state has. A state from a kernel with a smaller one is
 * followed by zeros: features that it does not have.
 */
static int xsave_load(struct vcpu *v, const void *from, uint64_t len)
{
	static uint8_t area[XSAVE_MAX];

	errno = EBADMSG;
	if (len < sizeof(struct kvm_xsave) || len > sizeof(area))
		return -1;
	errno = E2BIG;
	if (ioctl(v->guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2) > (int)sizeof(area))
		return -1;
	memset(area, 0, sizeof(area));
	memcpy(area, from, len);
	return ioctl(v->fd, KVM_SET_XSAVE, area);
}

static int64_t cpuid_save(struct vcpu *v, void *to)
{
	struct cpuid_list list = { .head.nent = CPUID_MAX };
	uint64_t len;

	if (ioctl(v->fd, KVM_GET_CPUID2, &list))
		return -1;
	len = list.head.nent * sizeof(list.entry[0]);
	memcpy(to, list.entry, len);
	return (int64_t)len;
}

static int cpuid_load(struct vcpu *v, const void *from, uint64_t len)
{
	struct cpuid_list list = { .head.nent = (uint32_t)(len / sizeof(list.entry[0])) };

	errno = EBADMSG;
	if (len % sizeof(list.entry[0]) || len > sizeof(list.entry))
		return -1;
	memcpy(list.entry, from, len);
	return ioctl(v->fd, KVM_SET_CPUID2, &list);
}

/*
 * The guest's TSC is the machine's TSC plus an offset. A kexec does not stop the machine's TSC.
 */
struct tsc_part {
	uint64_t offset, khz;
};

static int tsc_offset_call(struct vcpu *v, unsigned long call, uint64_t *offset)
{
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (uintptr_t)offset };

	return ioctl(v->fd, call, &attr);
}

static int64_t tsc_save(struct vcpu *v, void *to)
{
	struct tsc_part part = { .khz = (uint64_t)ioctl(v->fd, KVM_GET_TSC_KHZ, 0) };

	if (tsc_offset_call(v, KVM_GET_DEVICE_ATTR, &part.offset))
		return -1;
	memcpy(to, &part, sizeof(part));
	return sizeof(part);
}

/*
 * The frequency is not set. The machine's TSC is the same one, and each kernel only measures it
 * again, with a slightly different result. With the number from the previous kernel KVM would
 * scale the guest's TSC for a difference that does not exist.
 */
static int tsc_load(struct vcpu *v, const void *from, uint64_t len)
{
	struct tsc_part part;

	errno = EBADMSG;
	if (len != sizeof(part))
		return -1;
	memcpy(&part, from, len);
	return tsc_offset_call(v, KVM_SET_DEVICE_ATTR, &part.offset);
}

/*
 * CPUID comes first: it decides which sregs and MSRs are valid. sregs come before the local
 * APIC: they say whether it is an x2APIC. The TSC comes before the deadline of the APIC, the
 * MSRs (with kvm-clock among them) after the clock. The MP state comes last.
 */
const struct vcpu_part vcpu_parts[] = {
	{ "cpuid", SECTION_CPUID, 1, CPUID_MAX * sizeof(struct kvm_cpuid_entry2), cpuid_save,
	  cpuid_load, NULL },
	{ "sregs", SECTION_SREGS, 1, sizeof(struct kvm_sregs), sregs_save, sregs_load, NULL },
	{ "regs", SECTION_REGS, 1, sizeof(struct kvm_regs), regs_save, regs_load, NULL },
	{ "xcrs", SECTION_XCRS, 1, sizeof(struct kvm_xcrs), xcrs_save, xcrs_load, xcrs_lacks },
	{ "xsave", SECTION_XSAVE, 1, XSAVE_MAX, xsave_save, xsave_load, xsave_lacks },
	{ "debugregs", SECTION_DEBUGREGS, 2, sizeof(struct kvm_debugregs), debugregs_save,
	  debugregs_load, NULL },
	{ "tsc", SECTION_TSC, 1, sizeof(struct tsc_part), tsc_save, tsc_load, NULL },
	{ "lapic", SECTION_LAPIC, 1, sizeof(struct kvm_lapic_state), lapic_save, lapic_load, NULL },
	{ "msrs", SECTION_MSRS, 1, MSRS_MAX * sizeof(struct kvm_msr_entry), msrs_save, msrs_load,
	  NULL },
	{ "events", SECTION_EVENTS, 1, sizeof(struct kvm_vcpu_events), events_save, events_load,
	  NULL },
	{ "mp", SECTION_MP, 1, sizeof(struct kvm_mp_state), mp_save, mp_load, NULL },
};

const unsigned int vcpu_part_count = ARRAY_SIZE(vcpu_parts);
