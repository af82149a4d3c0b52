/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of /dev/labobj share. */
#ifndef _LABOBJ_H
#define _LABOBJ_H

#include <linux/fs.h>
#include <linux/kho/abi/object.h>
#include <linux/liveupdate.h>
#include <linux/mutex.h>
#include <uapi/linux/labobj.h>

/* The largest object. */
#define LABOBJ_MOST_PAGES	(1UL << 20)
#define LABOBJ_MOST_ARRAY	(4UL << 20)
#define LABOBJ_PIECE		(64UL << 10)
#define LABOBJ_MOST_PIECES	(LABOBJ_MOST_ARRAY / LABOBJ_PIECE)

/*
 * settings.c: build options, which the command line overrides. Sets of versions are masks:
 * version 1 is bit 1.
 */
enum labobj_notation {
	LABOBJ_TOKEN,
	LABOBJ_COMPOSITE,
	LABOBJ_FDT,
	LABOBJ_INTEGER,
	LABOBJ_NOTATIONS
};

enum labobj_check { LABOBJ_LATE, LABOBJ_EARLY };
enum labobj_misbehave {
	LABOBJ_BEHAVES,
	LABOBJ_PRESERVE_FAILS,
	LABOBJ_FREEZE_FAILS,
	LABOBJ_RETRIEVE_FAILS,
	LABOBJ_FINISH_LEAKS,
	LABOBJ_WRONG_LAYOUT,
};

struct labobj_settings {
	unsigned long reads;
	unsigned long writes;
	unsigned int write;	/* 0: it can write none */
	unsigned int notation;
	unsigned int check;
	unsigned int misbehave;
};

extern struct labobj_settings labobj_settings;

/*
 * object.c: an object in memory. After setup its parts stay the same, and only their content
 * changes.
 */
struct labobj {
	struct mutex lock;	/* for setup and the content of the array */
	bool ready;
	u64 nr_pages;
	struct page **pages;
	u64 array;		/* bytes */
	void *pieces[LABOBJ_MOST_PIECES];
	u64 state;
	char label[LABOBJ_LABEL];
	u32 arrived;		/* version in which it arrived; 0: made here */
};

struct labobj *labobj_new(void);
void labobj_free(struct labobj *object);
int labobj_setup(struct labobj *object, const struct labobj_setup *setup);
int labobj_make_array(struct labobj *object, u64 bytes);
unsigned int labobj_needs(const struct labobj *object);
u64 labobj_pieces(u64 array);
u64 labobj_piece_bytes(u64 array, u64 piece);

/* file.c */
extern const struct file_operations labobj_fops;
struct file *labobj_open_file(struct labobj *object);

/* kept.c: preserved memory that has arrived and is not restored yet. */
void *labobj_kept_page(u64 phys);
bool labobj_kept_valid(const struct kho_vmalloc *kept, u64 bytes);
int labobj_kept_read(const struct kho_vmalloc *kept, void *to, u64 bytes);
void labobj_kept_give_back(const struct kho_vmalloc *kept);

/* layout.c: the parts of an object, which each version writes in its own layout. */
struct labobj_parts {
	u64 pages;
	u64 array;
	u64 state;
	char label[LABOBJ_LABEL];
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
};

void labobj_encode(unsigned int version, const struct labobj_parts *parts, void *body);
int labobj_decode(unsigned int version, const void *body, struct labobj_parts *parts);

/* notation.c: the head of a description. */
int labobj_write_head(unsigned int notation, unsigned int version, void *description);
int labobj_read_head(const void *description, unsigned int *notation);
size_t labobj_head_bytes(unsigned int notation);

/* handler.c: one name under which objects are handed over. */
struct labobj_handler {
	struct liveupdate_file_handler handler;
	/* 0: the name has none, but the description has it, as an fdt or an integer. */
	unsigned int version;
	unsigned int notation;	/* of a name with a version */
	bool registered;
};

#define to_labobj_handler(fh) container_of(fh, struct labobj_handler, handler)
int labobj_register_writer(unsigned int version);

/* preserve.c, retrieve.c */
int labobj_preserve(struct liveupdate_file_op_args *args);
void labobj_unpreserve(struct liveupdate_file_op_args *args);
int labobj_freeze(struct liveupdate_file_op_args *args);
int labobj_retrieve(struct liveupdate_file_op_args *args);
void labobj_finish(struct liveupdate_file_op_args *args);

/* arrived.c: which versions are preserved, and which have arrived. */
int labobj_note_preserved(unsigned int version);
void labobj_note_unpreserved(unsigned int version);
unsigned long labobj_handed_over(void);
bool labobj_understood(unsigned int version);

#endif
