// SPDX-License-Identifier: GPL-2.0-only
/*
 * The old kernel's part. It makes its calls, and undoes them, in the order of mm/memfd_luo.c.
 */
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "labobj.h"

/* What is made for the next kernel. The object itself stays in use. */
struct outgoing {
	unsigned int version;
	void *description;
	u64 *page_list;
	struct object_array_ser *array_list;
	struct labobj_parts parts;
};

static void labobj_unpreserve_pages(struct labobj *object, struct outgoing *out, u64 count)
{
	while (count--)
		kho_unpreserve_folio(page_folio(object->pages[count]));
	vfree(out->page_list);
}

static int labobj_preserve_pages(struct labobj *object, struct outgoing *out)
{
	u64 i;
	int err;

	if (!object->nr_pages)
		return 0;
	out->page_list = vcalloc(object->nr_pages, sizeof(u64));
	if (!out->page_list)
		return -ENOMEM;
	for (i = 0; i < object->nr_pages; i++) {
		err = kho_preserve_folio(page_folio(object->pages[i]));
		if (err)
			goto undo;
		out->page_list[i] = page_to_pfn(object->pages[i]);
	}
	err = kho_preserve_vmalloc(out->page_list, &out->parts.page_list);
	if (!err)
		return 0;
undo:
	labobj_unpreserve_pages(object, out, i);
	return err;
}

static void labobj_unpreserve_pieces(struct outgoing *out, u64 count)
{
	while (count--) {
		struct kho_vmalloc inner = out->array_list[count].inner;

		kho_unpreserve_vmalloc(&inner);
	}
	vfree(out->array_list);
}

static int labobj_preserve_array(struct labobj *object, struct outgoing *out)
{
	u64 count = labobj_pieces(object->array), i;
	int err;

	if (!count)
		return 0;
	out->array_list = vcalloc(count, sizeof(*out->array_list));
	if (!out->array_list)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		struct kho_vmalloc inner = {};

		err = kho_preserve_vmalloc(object->pieces[i], &inner);
		if (err)
			goto undo;
		out->array_list[i].inner = inner;
		out->array_list[i].bytes = labobj_piece_bytes(object->array, i);
	}
	err = kho_preserve_vmalloc(out->array_list, &out->parts.array_list);
	if (!err)
		return 0;
undo:
	labobj_unpreserve_pieces(out, i);
	return err;
}

static void labobj_undo_pages(struct labobj *object, struct outgoing *out)
{
	if (!object->nr_pages)
		return;
	kho_unpreserve_vmalloc(&out->parts.page_list);
	labobj_unpreserve_pages(object, out, object->nr_pages);
}

static void labobj_undo_array(struct labobj *object, struct outgoing *out)
{
	if (!object->array)
		return;
	kho_unpreserve_vmalloc(&out->parts.array_list);
	labobj_unpreserve_pieces(out, labobj_pieces(object->array));
}

static int labobj_describe(struct labobj *object, struct outgoing *out)
{
	unsigned int notation = labobj_settings.notation;
	unsigned int layout = out->version;

	if (labobj_settings.misbehave == LABOBJ_WRONG_LAYOUT)
		layout = layout % LABOBJ_NEWEST + 1;
	out->parts.pages = object->nr_pages;
	out->parts.array = object->array;
	out->parts.state = object->state;
	memcpy(out->parts.label, object->label, LABOBJ_LABEL);
	labobj_encode(layout, &out->parts, out->description + labobj_head_bytes(notation));
	return labobj_write_head(notation, out->version, out->description);
}

static int labobj_preserve_parts(struct labobj *object, struct outgoing *out)
{
	int err;

	out->description = kho_alloc_preserve(PAGE_SIZE);
	if (IS_ERR(out->description))
		return PTR_ERR(out->description);
	err = labobj_preserve_pages(object, out);
	if (err)
		goto free_description;
	err = labobj_preserve_array(object, out);
	if (err)
		goto undo_pages;
	err = labobj_describe(object, out);
	if (err)
		goto undo_array;
	err = labobj_note_preserved(out->version);
	if (!err)
		return 0;
undo_array:
	labobj_undo_array(object, out);
undo_pages:
	labobj_undo_pages(object, out);
free_description:
	kho_unpreserve_free(out->description);
	return err;
}

/**
 * labobj_preserve() - Preserve an object (a callback of LUO).
 * @args: the object, and where the result goes
 *
 * Return: 0, -EINVAL before setup, -EOPNOTSUPP if the version cannot hold the object, or
 *   another errno
 */
int labobj_preserve(struct liveupdate_file_op_args *args)
{
	struct labobj_handler *handler = to_labobj_handler(args->handler);
	struct labobj *object = args->file->private_data;
	struct outgoing *out;
	int err;

	/* Pairs with smp_store_release() of setup and retrieve. */
	if (!smp_load_acquire(&object->ready))
		return -EINVAL;
	if (labobj_settings.misbehave == LABOBJ_PRESERVE_FAILS)
		return -EIO;
	out = kzalloc(sizeof(*out), GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	out->version = handler->version ?: labobj_settings.write;
	if (labobj_needs(object) > out->version)
		err = -EOPNOTSUPP;
	else
		err = labobj_preserve_parts(object, out);
	if (err) {
		kfree(out);
		return err;
	}
	args->private_data = out;
	args->serialized_data = virt_to_phys(out->description);
	return 0;
}

/**
 * labobj_unpreserve() - Take the preservation of an object back (a callback of LUO).
 * @args: the object
 */
void labobj_unpreserve(struct liveupdate_file_op_args *args)
{
	struct labobj *object = args->file->private_data;
	struct outgoing *out = args->private_data;

	labobj_note_unpreserved(out->version);
	labobj_undo_array(object, out);
	labobj_undo_pages(object, out);
	kho_unpreserve_free(out->description);
	kfree(out);
}

/**
 * labobj_freeze() - Freeze an object (a callback of LUO).
 * @args: the object
 *
 * Return: 0, or -EIO as a deliberate fault
 */
int labobj_freeze(struct liveupdate_file_op_args *args)
{
	return labobj_settings.misbehave == LABOBJ_FREEZE_FAILS ? -EIO : 0;
}
