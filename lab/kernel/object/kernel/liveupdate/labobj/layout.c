// SPDX-License-Identifier: GPL-2.0-only
/* The four layouts. A new version needs a new structure, and one case in each function. */
#include <linux/string.h>

#include "labobj.h"

static_assert(OBJECT_LABEL_LENGTH == LABOBJ_LABEL);
static_assert(OBJECT_NEWEST == LABOBJ_NEWEST);
static_assert(OBJECT_FDT_BYTES + sizeof(struct object_v4_ser) <= PAGE_SIZE);

/* What all layouts have under the same names. */
#define PUT_COMMON(to, parts) do {			\
	(to)->pages = (parts)->pages;			\
	(to)->array = (parts)->array;			\
	(to)->page_list = (parts)->page_list;		\
	(to)->array_list = (parts)->array_list;		\
} while (0)

/**
 * labobj_encode() - Write the parts of an object in the layout of a version.
 * @version: the version
 * @parts: the parts
 * @body: where they go
 */
void labobj_encode(unsigned int version, const struct labobj_parts *parts, void *body)
{
	struct object_v1_ser *v1 = body;
	struct object_v2_ser *v2 = body;
	struct object_v3_ser *v3 = body;
	struct object_v4_ser *v4 = body;

	switch (version) {
	case 1:
		PUT_COMMON(v1, parts);
		v1->state = parts->state;
		break;
	case 2:
		PUT_COMMON(v2, parts);
		v2->state = parts->state;
		break;
	case 3:
		PUT_COMMON(v3, parts);
		v3->state_high = upper_32_bits(parts->state);
		v3->state_low = lower_32_bits(parts->state);
		memcpy(v3->label, parts->label, LABOBJ_LABEL);
		break;
	case 4:
		PUT_COMMON(v4, parts);
		v4->state = parts->state;
		v4->pieces = labobj_pieces(parts->array);
		memcpy(v4->label, parts->label, LABOBJ_LABEL);
		break;
	}
}

/**
 * labobj_decode() - Read the parts of an object.
 * @version: the version
 * @body: where they are
 * @parts: where they go
 *
 * Return: 0, or -EINVAL if this cannot be an object of that version
 */
int labobj_decode(unsigned int version, const void *body, struct labobj_parts *parts)
{
	const struct object_v1_ser *v1 = body;
	const struct object_v2_ser *v2 = body;
	const struct object_v3_ser *v3 = body;
	const struct object_v4_ser *v4 = body;

	memset(parts, 0, sizeof(*parts));
	switch (version) {
	case 1:
		PUT_COMMON(parts, v1);
		parts->state = v1->state;
		break;
	case 2:
		PUT_COMMON(parts, v2);
		parts->state = v2->state;
		break;
	case 3:
		PUT_COMMON(parts, v3);
		parts->state = (u64)v3->state_high << 32 | v3->state_low;
		memcpy(parts->label, v3->label, LABOBJ_LABEL);
		break;
	case 4:
		PUT_COMMON(parts, v4);
		parts->state = v4->state;
		memcpy(parts->label, v4->label, LABOBJ_LABEL);
		if (v4->pieces != labobj_pieces(parts->array))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (parts->pages > LABOBJ_MOST_PAGES ||
	    parts->array > (version < 4 ? LABOBJ_PIECE : LABOBJ_MOST_ARRAY))
		return -EINVAL;
	if (!labobj_kept_valid(&parts->page_list, parts->pages * sizeof(u64)))
		return -EINVAL;
	if (!labobj_kept_valid(&parts->array_list,
			       labobj_pieces(parts->array) * sizeof(struct object_array_ser)))
		return -EINVAL;
	return 0;
}
