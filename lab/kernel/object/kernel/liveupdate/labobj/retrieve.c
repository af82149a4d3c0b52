// SPDX-License-Identifier: GPL-2.0-only
/*
 * The new kernel's part. Retrieve takes the pages of the object as they are and copies its
 * array. The description and the lists stay preserved until finish. What retrieve cannot use is
 * left alone, and it is a leak.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/file.h>
#include <linux/kexec_handover.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "labobj.h"

/*
 * Returns the version, and its parts: -EPROTONOSUPPORT if this kernel does not read that
 * version, -EINVAL if this is no version.
 */
static int labobj_look_at(struct liveupdate_file_op_args *args, struct labobj_parts *parts)
{
	struct labobj_handler *handler = to_labobj_handler(args->handler);
	const void *description = labobj_kept_page(args->serialized_data);
	unsigned int notation = handler->notation;
	int version = handler->version, err;

	if (!description)
		return -EINVAL;
	if (!version)
		version = labobj_read_head(description, &notation);
	if (version < 0)
		return version;
	if (!labobj_understood(version))
		return -EPROTONOSUPPORT;
	err = labobj_decode(version, description + labobj_head_bytes(notation), parts);
	return err ?: version;
}

/* A copy of a list, which vfree() frees; NULL without an error if the list is empty. */
static void *labobj_copy_list(const struct kho_vmalloc *kept, u64 bytes)
{
	void *list;
	int err;

	if (!bytes)
		return NULL;
	list = vmalloc(bytes);
	if (!list)
		return ERR_PTR(-ENOMEM);
	err = labobj_kept_read(kept, list, bytes);
	if (!err)
		return list;
	vfree(list);
	return ERR_PTR(err);
}

static u64 *labobj_copy_page_list(const struct labobj_parts *parts)
{
	return labobj_copy_list(&parts->page_list, parts->pages * sizeof(u64));
}

static struct object_array_ser *labobj_copy_array_list(const struct labobj_parts *parts)
{
	return labobj_copy_list(&parts->array_list,
				labobj_pieces(parts->array) * sizeof(struct object_array_ser));
}

static struct folio *labobj_take_page(u64 pfn)
{
	struct page *page = pfn < PHYS_PFN(~0ULL) ? pfn_to_online_page(pfn) : NULL;

	return page ? kho_restore_folio(PFN_PHYS(pfn)) : NULL;
}

static void labobj_give_back_pages(const u64 *list, u64 first, u64 count)
{
	for (u64 i = first; i < count; i++) {
		struct folio *folio = labobj_take_page(list[i]);

		if (folio)
			folio_put(folio);
		else
			pr_warn_ratelimited("no preserved page at frame %#llx\n", list[i]);
	}
}

static int labobj_take_pages(struct labobj *object, const struct labobj_parts *parts)
{
	u64 *list = labobj_copy_page_list(parts);
	int err = 0;

	if (IS_ERR_OR_NULL(list))
		return PTR_ERR_OR_ZERO(list);
	object->pages = kvcalloc(parts->pages, sizeof(*object->pages), GFP_KERNEL);
	if (!object->pages)
		err = -ENOMEM;
	for (u64 i = 0; !err && i < parts->pages; i++) {
		struct folio *folio = labobj_take_page(list[i]);

		if (folio) {
			object->pages[object->nr_pages++] = folio_page(folio, 0);
			continue;
		}
		labobj_give_back_pages(list, i + 1, parts->pages);
		err = -EIO;
	}
	vfree(list);
	return err;
}

static int labobj_copy_array(struct labobj *object, const struct labobj_parts *parts)
{
	struct object_array_ser *list = labobj_copy_array_list(parts);
	int err;

	if (IS_ERR_OR_NULL(list))
		return PTR_ERR_OR_ZERO(list);
	err = labobj_make_array(object, parts->array);
	for (u64 i = 0; !err && i < labobj_pieces(parts->array); i++) {
		struct kho_vmalloc inner = list[i].inner;
		u64 bytes = labobj_piece_bytes(parts->array, i);

		if (list[i].bytes == bytes)
			err = labobj_kept_read(&inner, object->pieces[i], bytes);
		else
			err = -EINVAL;
	}
	vfree(list);
	return err;
}

/**
 * labobj_retrieve() - Retrieve an object (a callback of LUO).
 * @args: the description, and where the file goes
 *
 * Return: 0 or an errno
 */
int labobj_retrieve(struct liveupdate_file_op_args *args)
{
	struct labobj_parts parts;
	struct labobj *object;
	struct file *file;
	int version, err;

	version = labobj_look_at(args, &parts);
	if (version < 0)
		return version;
	if (labobj_settings.misbehave == LABOBJ_RETRIEVE_FAILS)
		return -EIO;
	object = labobj_new();
	if (!object)
		return -ENOMEM;
	file = labobj_open_file(object);
	if (IS_ERR(file)) {
		labobj_free(object);
		return PTR_ERR(file);
	}
	/* The pages come last: after they are taken, no other try is possible. */
	err = labobj_copy_array(object, &parts);
	if (!err)
		err = labobj_take_pages(object, &parts);
	if (err) {
		fput(file);
		return err;
	}
	object->state = parts.state;
	memcpy(object->label, parts.label, LABOBJ_LABEL);
	object->arrived = version;
	/* Pairs with smp_load_acquire() of readers, which take no lock. */
	smp_store_release(&object->ready, true);
	args->file = file;
	return 0;
}

static void labobj_give_back_array(const struct labobj_parts *parts)
{
	struct object_array_ser *list = labobj_copy_array_list(parts);

	if (IS_ERR_OR_NULL(list))
		return;
	for (u64 i = 0; i < labobj_pieces(parts->array); i++) {
		struct kho_vmalloc inner = list[i].inner;

		if (labobj_kept_valid(&inner, list[i].bytes))
			labobj_kept_give_back(&inner);
	}
	vfree(list);
	labobj_kept_give_back(&parts->array_list);
}

static void labobj_give_back_page_list(const struct labobj_parts *parts, bool with_pages)
{
	u64 *list = labobj_copy_page_list(parts);

	if (IS_ERR_OR_NULL(list))
		return;
	if (with_pages)
		labobj_give_back_pages(list, 0, parts->pages);
	vfree(list);
	labobj_kept_give_back(&parts->page_list);
}

/**
 * labobj_finish() - Free what was handed over for an object (a callback of LUO).
 * @args: the description
 */
void labobj_finish(struct liveupdate_file_op_args *args)
{
	struct labobj_parts parts;

	if (args->retrieve_status < 0 || labobj_settings.misbehave == LABOBJ_FINISH_LEAKS ||
	    labobj_look_at(args, &parts) < 0)
		return;
	labobj_give_back_page_list(&parts, args->retrieve_status == 0);
	labobj_give_back_array(&parts);
	kho_restore_free(labobj_kept_page(args->serialized_data));
}
