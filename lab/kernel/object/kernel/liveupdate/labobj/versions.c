// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/labobj/versions: what this kernel would hand over, to be read while it
 * runs. One line each: VERB COMPONENT VERSION.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "labobj.h"
#include "stock.h"

#define TOKEN(token) token,
static const char *const stock_tokens[] = { STOCK_COMPONENTS(TOKEN) };

static void labobj_show_each(struct seq_file *m, const char *verb, unsigned long versions)
{
	unsigned long version;

	for_each_set_bit(version, &versions, LABOBJ_NEWEST + 1)
		seq_printf(m, "%s %s %lu\n", verb, OBJECT_NAME, version);
}

/* Shows a component of the kernel itself, "memfd-v2". */
static void labobj_show_token(struct seq_file *m, const char *token)
{
	const char *end = strrchr(token, 'v');

	seq_printf(m, "writes %.*s %s\n", (int)(end - 1 - token), token, end + 1);
}

static int versions_show(struct seq_file *m, void *unused)
{
	if (labobj_settings.write)
		seq_printf(m, "writes %s %u\n", OBJECT_NAME, labobj_settings.write);
	labobj_show_each(m, "reads", labobj_settings.reads);
	labobj_show_each(m, "hands-over", labobj_handed_over());
#ifdef KHO_FDT_COMPATIBLE
	labobj_show_token(m, KHO_FDT_COMPATIBLE);
#endif
	for (int i = 0; i < ARRAY_SIZE(stock_tokens); i++)
		labobj_show_token(m, stock_tokens[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(versions);

static int __init labobj_debugfs(void)
{
	debugfs_create_file("versions", 0444, debugfs_create_dir("labobj", NULL), NULL,
			    &versions_fops);
	return 0;
}
late_initcall(labobj_debugfs);
