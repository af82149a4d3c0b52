// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes and removes the KVM objects of a guest. Documentation/virt/kvm/api.rst of the kernel
 * describes the API.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/vm.h"
#include "guest/guest.h"

/* Just below the last 16 MiB of the first 4 GiB, where KVM on x86 needs pages of its own. */
#define TSS_ADDRESS 0xfffbd000ul
#define IDENTITY_MAP 0xfffbc000ull

static int kvm_fd = -1;

/**
 * kvm_device() - Open /dev/kvm on first use.
 * @r: the request
 *
 * Return: the descriptor, or -1 after the request has failed
 */
int kvm_device(struct request *r)
{
	if (kvm_fd < 0) {
		kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		if (kvm_fd < 0)
			fail_errno(r, errno, "open /dev/kvm");
	}
	return kvm_fd;
}

/*
 * Linux gets a PC: both PICs, an IOAPIC and a PIT. The bare guest needs only the local APIC,
 * and each device that is missing shortens the downtime.
 */
static bool vm_make_chips(struct request *r, struct guest *g)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	if (g->kind == GUEST_BARE)
		return !ioctl(g->vm, KVM_ENABLE_CAP, &split) ||
		       fail_errno(r, errno, "KVM_CAP_SPLIT_IRQCHIP");
	if (ioctl(g->vm, KVM_CREATE_IRQCHIP, 0))
		return fail_errno(r, errno, "KVM_CREATE_IRQCHIP");
	return !ioctl(g->vm, KVM_CREATE_PIT2, &pit) || fail_errno(r, errno, "KVM_CREATE_PIT2");
}

static bool vm_make_vcpu(struct request *r, struct guest *g, struct vcpu *v, size_t run_size)
{
	v->fd = ioctl(g->vm, KVM_CREATE_VCPU, (unsigned long)v->number);
	if (v->fd < 0)
		return fail_errno(r, errno, "KVM_CREATE_VCPU %u", v->number);
	v->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return fail_errno(r, errno, "mmap vCPU %u", v->number);
	}
	return true;
}

static int vm_run_bytes(void)
{
	return ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
}

/**
 * vm_make() - Make the VM and the vCPUs of a guest.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool vm_make(struct request *r, struct guest *g)
{
	struct kvm_userspace_memory_region memory = { .memory_size = g->size,
						      .userspace_addr = (uintptr_t)g->ram };
	uint64_t identity = IDENTITY_MAP;
	int size;

	if (kvm_device(r) < 0)
		return false;
	g->vm = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (g->vm < 0)
		return fail_errno(r, errno, "KVM_CREATE_VM");
	/* Only VMX needs these. */
	ioctl(g->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	ioctl(g->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (!vm_make_chips(r, g))
		return false;
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &memory))
		return fail_errno(r, errno, "KVM_SET_USER_MEMORY_REGION");
	/*
	 * 0 means the frequency as the kernel knows it now. By default KVM uses the first guess
	 * of the kernel. If that is off by more than 250 ppm, KVM takes it for a frequency to
	 * scale to. SVM without TSC scaling cannot do that: KVM then assumes that the guest's
	 * TSC stands still, and kvm-clock is wrong (set_tsc_khz() in arch/x86/kvm/x86.c, 6.19
	 * to 7.3).
	 */
	if (ioctl(g->vm, KVM_SET_TSC_KHZ, 0))
		return fail_errno(r, errno, "KVM_SET_TSC_KHZ");
	size = vm_run_bytes();
	if (size < 0)
		return fail_errno(r, errno, "KVM_GET_VCPU_MMAP_SIZE");
	for (unsigned int i = 0; i < g->vcpus; i++)
		if (!vm_make_vcpu(r, g, &g->vcpu[i], (size_t)size))
			return false;
	g->tsc_khz = (uint64_t)ioctl(g->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);
	return true;
}

/**
 * vm_remove() - Remove the VM and the vCPUs of a guest, and unmap its RAM.
 * @g: the guest
 */
void vm_remove(struct guest *g)
{
	int size = kvm_fd < 0 ? 0 : vm_run_bytes();

	for (unsigned int i = 0; i < GUEST_VCPUS; i++) {
		struct vcpu *v = &g->vcpu[i];

		if (v->run)
			munmap(v->run, (size_t)size);
		if (v->fd >= 0)
			close(v->fd);
		v->run = NULL;
		v->fd = -1;
	}
	guest_devices_detach(g);
	if (g->vm >= 0)
		close(g->vm);
	g->vm = -1;
	if (g->ram)
		munmap(g->ram, g->size);
	g->ram = NULL;
}

/* ---- what the processor says of itself ---- */

#define LEAF1_ECX_ADDED (1u << 21 | 1u << 31) /* x2apic, hypervisor */
#define LEAF1_EDX_HTT (1u << 28)
#define TSC_DEADLINE (1u << 24)
/*
 * XSAVE and what is built on it (AVX, protection keys). QEMU 7.2 emulates it for the machine,
 * but it neither intercepts XSETBV nor switches XCR0 for a guest in it.
 */
#define LEAF1_ECX_MASKED (1u << 12 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29)
#define LEAF7_EBX_MASKED (1u << 5 | 0xdc230000u)
#define LEAF7_ECX_MASKED (1u << 1 | 1u << 3 | 1u << 4 | 1u << 6 | 0xfu << 9 | 1u << 14)

static void cpuid_fit_entry(struct kvm_cpuid_entry2 *e, const struct guest *g, const struct vcpu *v,
			    bool deadline)
{
	switch (e->function) {
	case 1:
		e->ecx = (e->ecx & ~LEAF1_ECX_MASKED) | LEAF1_ECX_ADDED |
			 (deadline ? TSC_DEADLINE : 0);
		e->ebx = (e->ebx & 0xffff) | g->vcpus << 16 | v->number << 24;
		e->edx = (e->edx & ~LEAF1_EDX_HTT) | (g->vcpus > 1 ? LEAF1_EDX_HTT : 0);
		break;
	case 7:
		if (e->index) {
			e->eax = 0;
			break;
		}
		e->ebx &= ~LEAF7_EBX_MASKED;
		e->ecx &= ~LEAF7_ECX_MASKED;
		e->edx = 0;
		break;
	case 0xb:
	case 0x1f:
		e->edx = v->number;
		break;
	case 0xd:
		e->eax = 0;
		e->ebx = 0;
		e->ecx = 0;
		e->edx = 0;
		break;
	case 0x80000008:
		e->ecx = (e->ecx & ~0xffu) | (g->vcpus - 1);
		break;
	case 0x8000001e:
		e->eax = v->number;
		break;
	default:
		break;
	}
}

/**
 * vm_default_cpuid() - Give each vCPU what the processor has, as far as a guest can use it.
 * @r: the request
 * @g: the guest
 *
 * Return: true, or false after the request has failed
 */
bool vm_default_cpuid(struct request *r, struct guest *g)
{
	static struct cpuid_list all;
	bool deadline = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	struct cpuid_list own;

	all.head.nent = CPUID_MAX;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, &all))
		return fail_errno(r, errno, "KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; i < g->vcpus; i++) {
		own = all;
		for (unsigned int k = 0; k < own.head.nent; k++)
			cpuid_fit_entry(&own.entry[k], g, &g->vcpu[i], deadline);
		if (ioctl(g->vcpu[i].fd, KVM_SET_CPUID2, &own))
			return fail_errno(r, errno, "KVM_SET_CPUID2 of vCPU %u", i);
	}
	return true;
}
