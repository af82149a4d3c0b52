// SPDX-License-Identifier: GPL-2.0-only
/*
 * A KHO subtree of this component: the versions of all preserved objects, so that the next
 * kernel can check them early in boot. There they are judged, so that a mismatch affects only
 * this component, and the subtree is freed.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/bits.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/string.h>

#include "labobj.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
/* Subtrees had no size before 7.1. */
static int labobj_kho_add(const char *name, void *blob, size_t size)
{
	return kho_add_subtree(name, blob);
}

static int labobj_kho_find(const char *name, phys_addr_t *phys, size_t *size)
{
	*size = sizeof(struct object_arrived_ser);
	return kho_retrieve_subtree(name, phys);
}
#else
#define labobj_kho_add kho_add_subtree
#define labobj_kho_find kho_retrieve_subtree
#endif

static DEFINE_MUTEX(lock);
/* How many objects are preserved in each version, and the subtree that says so. */
static unsigned int preserved[LABOBJ_NEWEST + 1];
static struct object_arrived_ser *outgoing;

/* The decision about what has arrived. */
static unsigned long arrived, understood;

/**
 * labobj_handed_over() - Get the versions of all objects that are preserved now.
 *
 * Return: a mask of versions
 */
unsigned long labobj_handed_over(void)
{
	unsigned long versions = 0;

	for (unsigned int version = LABOBJ_OLDEST; version <= LABOBJ_NEWEST; version++)
		if (READ_ONCE(preserved[version]))
			versions |= BIT(version);
	return versions;
}

static void labobj_write_outgoing(void)
{
	unsigned long version, versions = labobj_handed_over();

	outgoing->count = 0;
	for_each_set_bit(version, &versions, LABOBJ_NEWEST + 1)
		outgoing->versions[outgoing->count++] = version;
}

static int labobj_add_subtree(void)
{
	int err;

	outgoing = kho_alloc_preserve(sizeof(*outgoing));
	if (IS_ERR(outgoing)) {
		err = PTR_ERR(outgoing);
		outgoing = NULL;
		return err;
	}
	strscpy_pad(outgoing->name, OBJECT_NAME);
	err = labobj_kho_add(OBJECT_KHO_SUBTREE, outgoing, sizeof(*outgoing));
	if (!err)
		return 0;
	kho_unpreserve_free(outgoing);
	outgoing = NULL;
	return err;
}

/**
 * labobj_note_preserved() - Note that an object is preserved.
 * @version: its version
 *
 * Return: 0 or an errno
 */
int labobj_note_preserved(unsigned int version)
{
	int err;

	guard(mutex)(&lock);
	err = outgoing ? 0 : labobj_add_subtree();
	if (err)
		return err;
	preserved[version]++;
	labobj_write_outgoing();
	return 0;
}

/**
 * labobj_note_unpreserved() - Note that an object is no longer preserved.
 * @version: its version
 */
void labobj_note_unpreserved(unsigned int version)
{
	guard(mutex)(&lock);
	preserved[version]--;
	labobj_write_outgoing();
	if (labobj_handed_over())
		return;
	kho_remove_subtree(outgoing);
	kho_unpreserve_free(outgoing);
	outgoing = NULL;
}

/**
 * labobj_understood() - Tell whether this kernel reads a version.
 * @version: the version
 *
 * Return: true if it does
 */
bool labobj_understood(unsigned int version)
{
	if (version < LABOBJ_OLDEST || version > LABOBJ_NEWEST)
		return false;
	/* A decision that was made early in boot stays. */
	if (arrived & BIT(version))
		return understood & BIT(version);
	return labobj_settings.reads & BIT(version);
}

static void __init labobj_judge(u32 version)
{
	unsigned long reads = labobj_settings.reads, each;
	bool good = labobj_understood(version);
	char text[2 * LABOBJ_NEWEST + 8] = "";
	int length = 0;

	for_each_set_bit(each, &reads, LABOBJ_NEWEST + 1)
		length += scnprintf(text + length, sizeof(text) - length, " %lu", each);
	pr_info("%s-v%u arrived, reads%s: %sunderstood\n", OBJECT_NAME, version,
		length ? text : " none", good ? "" : "not ");
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

	if (labobj_kho_find(OBJECT_KHO_SUBTREE, &phys, &size))
		return 0;
	in = labobj_kept_page(phys);
	if (!in || size < sizeof(*in) || strncmp(in->name, OBJECT_NAME, sizeof(in->name)) ||
	    in->count > ARRAY_SIZE(in->versions)) {
		pr_warn("what arrived as %s is none\n", OBJECT_KHO_SUBTREE);
		return 0;
	}
	if (labobj_settings.check == LABOBJ_EARLY)
		for (u32 i = 0; i < in->count; i++)
			labobj_judge(in->versions[i]);
	kho_restore_free(in);
	return 0;
}
early_initcall(labobj_look_early);
