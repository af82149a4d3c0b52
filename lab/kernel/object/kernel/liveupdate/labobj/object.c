// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of an object: pages of order 0, and an array in pieces. Each piece is a vmalloc
 * area.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "labobj.h"

/* An object that is too large for the machine is refused. No process is killed for it. */
#define GFP_OBJECT (GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * labobj_new() - Make an empty object.
 *
 * Return: the object, or NULL
 */
struct labobj *labobj_new(void)
{
	struct labobj *object = kzalloc(sizeof(*object), GFP_KERNEL);

	if (object)
		mutex_init(&object->lock);
	return object;
}

static void labobj_free_parts(struct labobj *object)
{
	for (u64 i = 0; object->pages && i < object->nr_pages; i++)
		if (object->pages[i])
			put_page(object->pages[i]);
	kvfree(object->pages);
	for (u64 i = 0; i < LABOBJ_MOST_PIECES; i++) {
		vfree(object->pieces[i]);
		object->pieces[i] = NULL;
	}
	object->pages = NULL;
	object->nr_pages = 0;
	object->array = 0;
}

/**
 * labobj_free() - Free an object.
 * @object: the object
 */
void labobj_free(struct labobj *object)
{
	labobj_free_parts(object);
	mutex_destroy(&object->lock);
	kfree(object);
}

/**
 * labobj_pieces() - Get the number of pieces of an array.
 * @array: its size in bytes
 *
 * Return: the number of pieces
 */
u64 labobj_pieces(u64 array)
{
	return DIV_ROUND_UP_ULL(array, LABOBJ_PIECE);
}

/**
 * labobj_piece_bytes() - Get the size of one piece of an array.
 * @array: size of the array in bytes
 * @piece: index of the piece
 *
 * Return: its size in bytes
 */
u64 labobj_piece_bytes(u64 array, u64 piece)
{
	return min_t(u64, LABOBJ_PIECE, array - piece * LABOBJ_PIECE);
}

/**
 * labobj_make_array() - Make the array of an object.
 * @object: the object
 * @bytes: size of the array
 *
 * Return: 0 or an errno
 */
int labobj_make_array(struct labobj *object, u64 bytes)
{
	for (u64 i = 0; i < labobj_pieces(bytes); i++) {
		object->pieces[i] = vzalloc(labobj_piece_bytes(bytes, i));
		if (!object->pieces[i])
			return -ENOMEM;
	}
	object->array = bytes;
	return 0;
}

static int labobj_make_pages(struct labobj *object, u64 count)
{
	object->pages = kvcalloc(count, sizeof(*object->pages), GFP_KERNEL);
	if (!object->pages)
		return -ENOMEM;
	object->nr_pages = count;
	for (u64 i = 0; i < count; i++) {
		object->pages[i] = alloc_page(GFP_OBJECT);
		if (!object->pages[i] || fatal_signal_pending(current))
			return object->pages[i] ? -EINTR : -ENOMEM;
		cond_resched();
	}
	return 0;
}

static bool labobj_label_padded(const char *label)
{
	return !memchr_inv(label + strnlen(label, LABOBJ_LABEL), 0,
			   LABOBJ_LABEL - strnlen(label, LABOBJ_LABEL));
}

/**
 * labobj_setup() - Give an object its parts, once.
 * @object: the object
 * @setup: the parts
 *
 * Return: 0 or an errno
 */
int labobj_setup(struct labobj *object, const struct labobj_setup *setup)
{
	int err;

	if (setup->pages > LABOBJ_MOST_PAGES || setup->array > LABOBJ_MOST_ARRAY ||
	    !labobj_label_padded(setup->label))
		return -EINVAL;
	guard(mutex)(&object->lock);
	if (object->ready)
		return -EBUSY;
	err = labobj_make_pages(object, setup->pages);
	if (!err)
		err = labobj_make_array(object, setup->array);
	if (err) {
		labobj_free_parts(object);
		return err;
	}
	object->state = setup->state;
	memcpy(object->label, setup->label, LABOBJ_LABEL);
	/* Pairs with smp_load_acquire() of readers, which take no lock. */
	smp_store_release(&object->ready, true);
	return 0;
}

/**
 * labobj_needs() - Find the oldest version that can hold an object.
 * @object: the object
 *
 * Return: the version
 */
unsigned int labobj_needs(const struct labobj *object)
{
	if (object->array > LABOBJ_PIECE)
		return 4;
	if (object->label[0])
		return 3;
	return object->state > U32_MAX ? 2 : 1;
}
