// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs of a vCPU. The kernel lists which ones there are, and the list differs from kernel to
 * kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest/state.h"
#include "vmm/vm.h"

#define TSC 0x10u          /* saved as an offset instead: parts.c */
#define TSC_DEADLINE 0x6e0u /* starts a timer, so it comes after the local APIC and all else */

struct msrs_refused msrs_refused;

static const struct kvm_msr_list *msrs_index_list(void)
{
	static struct {
		struct kvm_msr_list head;
		uint32_t index[MSRS_MAX];
	} list;
	struct request silent = { 0 };

	if (!list.head.nmsrs) {
		list.head.nmsrs = MSRS_MAX;
		if (ioctl(kvm_device(&silent), KVM_GET_MSR_INDEX_LIST, &list)) {
			list.head.nmsrs = 0;
			return NULL;
		}
	}
	return &list.head;
}

/*
 * Gets or sets many MSRs. KVM stops at the first one that it refuses, so this goes on behind
 * it. Returns how many KVM accepted.
 */
static uint32_t msrs_transfer(int fd, unsigned long call, struct kvm_msr_entry *entries,
			      uint32_t count, void (*refused)(struct kvm_msr_entry *))
{
	struct msr_list *list = calloc(1, sizeof(*list));
	uint32_t from = 0, kept = 0;

	while (list && from < count) {
		int done;

		list->head.nmsrs = count - from;
		memcpy(list->entry, entries + from, (count - from) * sizeof(*entries));
		done = ioctl(fd, call, list);
		if (done < 0)
			done = 0;
		memmove(entries + kept, list->entry, (size_t)done * sizeof(*entries));
		kept += (uint32_t)done;
		from += (uint32_t)done;
		if (from < count && refused)
			refused(&entries[from]);
		from += from < count;
	}
	free(list);
	return kept;
}

/**
 * msrs_save() - Read the MSRs of a vCPU.
 * @v: the vCPU
 * @to: where they go
 *
 * Return: the number of bytes, or -1 with errno set
 */
int64_t msrs_save(struct vcpu *v, void *to)
{
	const struct kvm_msr_list *list = msrs_index_list();
	struct kvm_msr_entry *entries = to;
	uint32_t count = 0;

	if (!list)
		return -1;
	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (list->indices[i] != TSC)
			entries[count++] = (struct kvm_msr_entry){ .index = list->indices[i] };
	return (int64_t)(msrs_transfer(v->fd, KVM_GET_MSRS, entries, count, NULL) *
			 sizeof(*entries));
}

/*
 * Most MSRs have the right value in a new vCPU already. Setting them would take time, and the
 * kernel would complain about some that it only pretends to have.
 */
static bool msrs_already(const struct kvm_msr_entry *now, uint32_t count,
			 const struct kvm_msr_entry *wanted)
{
	for (uint32_t i = 0; i < count; i++)
		if (now[i].index == wanted->index)
			return now[i].data == wanted->data;
	return false;
}

static void msrs_note_refused(struct kvm_msr_entry *entry)
{
	if (msrs_refused.count < REFUSED_MAX)
		msrs_refused.index[msrs_refused.count] = entry->index;
	msrs_refused.count++;
}

/**
 * msrs_load() - Set the MSRs of a vCPU.
 * @v: the vCPU
 * @from: the saved MSRs
 * @len: their length in bytes
 *
 * Return: 0, or -1 with errno set
 */
int msrs_load(struct vcpu *v, const void *from, uint64_t len)
{
	const struct kvm_msr_entry *saved = from;
	uint32_t all = (uint32_t)(len / sizeof(*saved)), known, count = 0;
	struct kvm_msr_entry *now = calloc(MSRS_MAX, sizeof(*now)),
			     *entries = calloc(MSRS_MAX, sizeof(*entries)),
			     deadline = { .index = TSC_DEADLINE };

	if (!now || !entries || len % sizeof(*saved) || all > MSRS_MAX) {
		free(now);
		free(entries);
		errno = EBADMSG;
		return -1;
	}
	memcpy(now, saved, len);
	known = msrs_transfer(v->fd, KVM_GET_MSRS, now, all, NULL);
	for (uint32_t i = 0; i < all; i++) {
		if (saved[i].index == TSC_DEADLINE)
			deadline = saved[i];
		else if (saved[i].index != TSC && !msrs_already(now, known, &saved[i]))
			entries[count++] = saved[i];
	}
	msrs_transfer(v->fd, KVM_SET_MSRS, entries, count, msrs_note_refused);
	if (deadline.data)
		msrs_transfer(v->fd, KVM_SET_MSRS, &deadline, 1, msrs_note_refused);
	free(now);
	free(entries);
	return 0;
}
