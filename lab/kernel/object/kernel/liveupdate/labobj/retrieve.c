// SPDX-License-Identifier: GPL-2.0-only
/*
 * The new kernel's side. Retrieve takes the pages of the object as they are and copies its array; description and lists stay preserved
 * until finish. What retrieve could not make sense of is left alone, and stays leaked.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/file.h>
#include <linux/kexec_handover.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "labobj.h"

/* The version it came in, and its parts. EPROTONOSUPPORT: this kernel does not read that version; EINVAL: it is none. */
static int look_at(struct liveupdate_file_op_args *args, struct labobj_parts *parts)
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

/* A copy of a list, to be freed with vfree; NULL without an error for an empty one. */
static void *copy_list(const struct kho_vmalloc *kept, u64 bytes)
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

static u64 *copy_page_list(const struct labobj_parts *parts)
{
	return copy_list(&parts->page_list, parts->pages * sizeof(u64));
}

static struct object_array_ser *copy_array_list(const struct labobj_parts *parts)
{
	return copy_list(&parts->array_list, labobj_pieces(parts->array) * sizeof(struct object_array_ser));
}

static struct folio *take_page(u64 pfn)
{
	struct page *page = pfn < PHYS_PFN(~0ULL) ? pfn_to_online_page(pfn) : NULL;

	return page ? kho_restore_folio(PFN_PHYS(pfn)) : NULL;
}

static void give_back_pages(const u64 *list, u64 first, u64 count)
{
	for (u64 i = first; i < count; i++) {
		struct folio *folio = take_page(list[i]);

		if (folio)
			folio_put(folio);
		else
			pr_warn_ratelimited("no preserved page at frame %#llx\n", list[i]);
	}
}

static int take_pages(struct labobj *object, const struct labobj_parts *parts)
{
	u64 *list = copy_page_list(parts);
	int err = 0;

	if (IS_ERR_OR_NULL(list))
		return PTR_ERR_OR_ZERO(list);
	object->pages = kvcalloc(parts->pages, sizeof(*object->pages), GFP_KERNEL);
	if (!object->pages)
		err = -ENOMEM;
	for (u64 i = 0; !err && i < parts->pages; i++) {
		struct folio *folio = take_page(list[i]);

		if (folio) {
			object->pages[object->nr_pages++] = folio_page(folio, 0);
			continue;
		}
		give_back_pages(list, i + 1, parts->pages);
		err = -EIO;
	}
	vfree(list);
	return err;
}

static int copy_array(struct labobj *object, const struct labobj_parts *parts)
{
	struct object_array_ser *list = copy_array_list(parts);
	int err;

	if (IS_ERR_OR_NULL(list))
		return PTR_ERR_OR_ZERO(list);
	err = labobj_make_array(object, parts->array);
	for (u64 i = 0; !err && i < labobj_pieces(parts->array); i++) {
		struct kho_vmalloc inner = list[i].inner;
		u64 bytes = labobj_piece_bytes(parts->array, i);

		err = list[i].bytes == bytes ? labobj_kept_read(&inner, object->pieces[i], bytes) : -EINVAL;
	}
	vfree(list);
	return err;
}

int labobj_retrieve(struct liveupdate_file_op_args *args)
{
	struct labobj_parts parts;
	struct labobj *object;
	struct file *file;
	int version, err;

	version = look_at(args, &parts);
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
	/* The pages come last: once taken they cannot be left for another try. */
	err = copy_array(object, &parts);
	if (!err)
		err = take_pages(object, &parts);
	if (err) {
		fput(file);
		return err;
	}
	object->state = parts.state;
	memcpy(object->label, parts.label, LABOBJ_LABEL);
	object->arrived = version;
	smp_store_release(&object->ready, true);
	args->file = file;
	return 0;
}

static void give_back_array(const struct labobj_parts *parts)
{
	struct object_array_ser *list = copy_array_list(parts);

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

static void give_back_page_list(const struct labobj_parts *parts, bool with_pages)
{
	u64 *list = copy_page_list(parts);

	if (IS_ERR_OR_NULL(list))
		return;
	if (with_pages)
		give_back_pages(list, 0, parts->pages);
	vfree(list);
	labobj_kept_give_back(&parts->page_list);
}

void labobj_finish(struct liveupdate_file_op_args *args)
{
	struct labobj_parts parts;

	if (args->retrieve_status < 0 || labobj_settings.misbehave == LABOBJ_FINISH_LEAKS || look_at(args, &parts) < 0)
		return;
	give_back_page_list(&parts, args->retrieve_status == 0);
	give_back_array(&parts);
	kho_restore_free(labobj_kept_page(args->serialized_data));
}
