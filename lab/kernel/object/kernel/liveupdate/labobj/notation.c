// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the version of an object is written, if it is not in the name that LUO keeps: at the
 * start of its description.
 */
#include <linux/libfdt.h>
#include <linux/string.h>

#include "labobj.h"

/**
 * labobj_head_bytes() - Get the size of the head of a description.
 * @notation: the notation
 *
 * Return: the size in bytes
 */
size_t labobj_head_bytes(unsigned int notation)
{
	if (notation == LABOBJ_FDT)
		return OBJECT_FDT_BYTES;
	return notation == LABOBJ_INTEGER ? sizeof(struct object_integer_ser) : 0;
}

static int labobj_write_fdt(unsigned int version, void *fdt)
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

/* The version is in the first string of the list. The strings behind it are less exact. */
static int labobj_read_fdt(const void *fdt)
{
	const char *compatible;
	unsigned int version;
	int length;

	if (fdt_check_header(fdt) || fdt_totalsize(fdt) > OBJECT_FDT_BYTES)
		return -EINVAL;
	compatible = fdt_getprop(fdt, 0, "compatible", &length);
	if (!compatible || strnlen(compatible, length) == length ||
	    !str_has_prefix(compatible, OBJECT_NAME "-v"))
		return -EINVAL;
	if (kstrtouint(compatible + strlen(OBJECT_NAME "-v"), 10, &version) || version > INT_MAX)
		return -EINVAL;
	return version;
}

/**
 * labobj_write_head() - Write the head of a description.
 * @notation: the notation
 * @version: the version
 * @description: where it goes
 *
 * Return: 0 or an errno
 */
int labobj_write_head(unsigned int notation, unsigned int version, void *description)
{
	struct object_integer_ser *head = description;

	if (notation == LABOBJ_FDT)
		return labobj_write_fdt(version, description);
	if (notation == LABOBJ_INTEGER) {
		strscpy_pad(head->name, OBJECT_NAME);
		head->version = version;
	}
	return 0;
}

/**
 * labobj_read_head() - Read the head of a description.
 * @description: the description
 * @notation: where its notation goes
 *
 * A kernel that checks late reads only its own notation.
 *
 * Return: the version, -EPROTONOSUPPORT for a notation that this kernel does not read, or
 *   -EINVAL
 */
int labobj_read_head(const void *description, unsigned int *notation)
{
	const struct object_integer_ser *head = description;

	if (fdt_magic(description) != FDT_MAGIC &&
	    strncmp(head->name, OBJECT_NAME, sizeof(head->name)))
		return -EINVAL;
	*notation = fdt_magic(description) == FDT_MAGIC ? LABOBJ_FDT : LABOBJ_INTEGER;
	if (labobj_settings.check == LABOBJ_LATE && *notation != labobj_settings.notation)
		return -EPROTONOSUPPORT;
	if (*notation == LABOBJ_FDT)
		return labobj_read_fdt(description);
	return head->version <= INT_MAX ? head->version : -EINVAL;
}
