// SPDX-License-Identifier: GPL-2.0-only
/* Where the version of one object is written down, if not in the name that LUO keeps: at the start of its description. */
#include <linux/libfdt.h>
#include <linux/string.h>

#include "labobj.h"

size_t labobj_head_bytes(unsigned int notation)
{
	if (notation == LABOBJ_FDT)
		return OBJECT_FDT_BYTES;
	return notation == LABOBJ_INTEGER ? sizeof(struct object_integer_ser) : 0;
}

static int write_fdt(unsigned int version, void *fdt)
{
	char compatible[sizeof("object-v9\0object")] = "object-v?\0object";
	int err;

	compatible[strlen("object-v")] = '0' + version;
	err = fdt_create(fdt, OBJECT_FDT_BYTES);
	err |= fdt_finish_reservemap(fdt);
	err |= fdt_begin_node(fdt, "");
	err |= fdt_property(fdt, "compatible", compatible, sizeof(compatible));
	err |= fdt_end_node(fdt);
	err |= fdt_finish(fdt);
	return err ? -EINVAL : 0;
}

/* The version in the first string of the list; whatever follows is less exact. */
static int read_fdt(const void *fdt)
{
	const char *compatible;
	unsigned int version;
	int length;

	if (fdt_check_header(fdt) || fdt_totalsize(fdt) > OBJECT_FDT_BYTES)
		return -EINVAL;
	compatible = fdt_getprop(fdt, 0, "compatible", &length);
	if (!compatible || strnlen(compatible, length) == length || !str_has_prefix(compatible, OBJECT_NAME "-v"))
		return -EINVAL;
	if (kstrtouint(compatible + strlen(OBJECT_NAME "-v"), 10, &version) || version > INT_MAX)
		return -EINVAL;
	return version;
}

int labobj_write_head(unsigned int notation, unsigned int version, void *description)
{
	struct object_integer_ser *head = description;

	if (notation == LABOBJ_FDT)
		return write_fdt(version, description);
	if (notation == LABOBJ_INTEGER) {
		strscpy_pad(head->name, OBJECT_NAME);
		head->version = version;
	}
	return 0;
}

/*
 * The version that the head of a description tells, and in which notation. EPROTONOSUPPORT: in a notation that this kernel does not
 * read: who checks late reads its own alone.
 */
int labobj_read_head(const void *description, unsigned int *notation)
{
	const struct object_integer_ser *head = description;

	if (fdt_magic(description) != FDT_MAGIC && strncmp(head->name, OBJECT_NAME, sizeof(head->name)))
		return -EINVAL;
	*notation = fdt_magic(description) == FDT_MAGIC ? LABOBJ_FDT : LABOBJ_INTEGER;
	if (labobj_settings.check == LABOBJ_LATE && *notation != labobj_settings.notation)
		return -EPROTONOSUPPORT;
	if (*notation == LABOBJ_FDT)
		return read_fdt(description);
	return head->version <= INT_MAX ? head->version : -EINVAL;
}
