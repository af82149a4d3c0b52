// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subtree of KHO of our own: the versions of all objects that are preserved, for the next kernel to look at early in boot. There it
 * is judged, so that a mismatch stays with this component, and given back.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/bits.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/string.h>

#include "labobj.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
/* Subtrees had no size then. */
#define kho_add_subtree(name, blob, size) kho_add_subtree(name, blob)
#define kho_retrieve_subtree(name, phys, size) (*(size) = sizeof(struct object_arrived_ser), kho_retrieve_subtree(name, phys))
#endif

static DEFINE_MUTEX(lock);
/* How many objects are preserved in each version, and the subtree that says so. */
static unsigned int preserved[LABOBJ_NEWEST + 1];
static struct object_arrived_ser *outgoing;

/* The answer for what has arrived. */
static unsigned long arrived, understood;

unsigned long labobj_handed_over(void)
{
	unsigned long versions = 0;

	for (unsigned int version = LABOBJ_OLDEST; version <= LABOBJ_NEWEST; version++)
		if (READ_ONCE(preserved[version]))
			versions |= BIT(version);
	return versions;
}

static void write_outgoing(void)
{
	unsigned long version, versions = labobj_handed_over();

	outgoing->count = 0;
	for_each_set_bit(version, &versions, LABOBJ_NEWEST + 1)
		outgoing->versions[outgoing->count++] = version;
}

static int add_subtree(void)
{
	int err;

	outgoing = kho_alloc_preserve(sizeof(*outgoing));
	if (IS_ERR(outgoing)) {
		err = PTR_ERR(outgoing);
		outgoing = NULL;
		return err;
	}
	strscpy_pad(outgoing->name, OBJECT_NAME);
	err = kho_add_subtree(OBJECT_KHO_SUBTREE, outgoing, sizeof(*outgoing));
	if (!err)
		return 0;
	kho_unpreserve_free(outgoing);
	outgoing = NULL;
	return err;
}

int labobj_note_preserved(unsigned int version)
{
	int err;

	guard(mutex)(&lock);
	err = outgoing ? 0 : add_subtree();
	if (err)
		return err;
	preserved[version]++;
	write_outgoing();
	return 0;
}

void labobj_note_unpreserved(unsigned int version)
{
	guard(mutex)(&lock);
	preserved[version]--;
	write_outgoing();
	if (labobj_handed_over())
		return;
	kho_remove_subtree(outgoing);
	kho_unpreserve_free(outgoing);
	outgoing = NULL;
}

bool labobj_understood(unsigned int version)
{
	if (version < LABOBJ_OLDEST || version > LABOBJ_NEWEST)
		return false;
	/* Early in boot it was said; that stays so. */
	if (arrived & BIT(version))
		return understood & BIT(version);
	return labobj_settings.reads & BIT(version);
}

static void __init judge(u32 version)
{
	unsigned long reads = labobj_settings.reads, each;
	bool good = labobj_understood(version);
	char text[2 * LABOBJ_NEWEST + 8] = "";
	int length = 0;

	for_each_set_bit(each, &reads, LABOBJ_NEWEST + 1)
		length += scnprintf(text + length, sizeof(text) - length, " %lu", each);
	pr_info("%s-v%u arrived, reads%s: %sunderstood\n", OBJECT_NAME, version, length ? text : " none", good ? "" : "not ");
	if (version > LABOBJ_NEWEST)
		return;
	understood |= good ? BIT(version) : 0;
	arrived |= BIT(version);
}

static int __init labobj_look_early(void)
{
	struct object_arrived_ser *in;
	phys_addr_t phys;
	size_t size;

	if (kho_retrieve_subtree(OBJECT_KHO_SUBTREE, &phys, &size))
		return 0;
	in = labobj_kept_page(phys);
	if (!in || size < sizeof(*in) || strncmp(in->name, OBJECT_NAME, sizeof(in->name)) || in->count > ARRAY_SIZE(in->versions)) {
		pr_warn("what arrived as %s is none\n", OBJECT_KHO_SUBTREE);
		return 0;
	}
	if (labobj_settings.check == LABOBJ_EARLY)
		for (u32 i = 0; i < in->count; i++)
			judge(in->versions[i]);
	kho_restore_free(in);
	return 0;
}
early_initcall(labobj_look_early);
