/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of KVM with a length that is not known before. */
#ifndef AGENT_GUEST_VM_H
#define AGENT_GUEST_VM_H

#include <linux/kvm.h>

#define CPUID_MAX 256
#define MSRS_MAX 1024

struct cpuid_list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[CPUID_MAX];
};

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MSRS_MAX];
};

#endif
