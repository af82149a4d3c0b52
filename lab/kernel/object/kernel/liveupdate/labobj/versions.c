// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/labobj/versions: what this kernel would hand over, asked while it runs. One line each: VERB COMPONENT VERSION. */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "labobj.h"
#include "stock.h"

static void show_each(struct seq_file *m, const char *verb, unsigned long versions)
{
	unsigned long version;

	for_each_set_bit(version, &versions, LABOBJ_NEWEST + 1)
		seq_printf(m, "%s %s %lu\n", verb, OBJECT_NAME, version);
}

/* A stock component, "memfd-v2". */
static void __maybe_unused show_token(struct seq_file *m, const char *token)
{
	const char *end = strrchr(token, 'v');

	seq_printf(m, "writes %.*s %s\n", (int)(end - 1 - token), token, end + 1);
}

static int versions_show(struct seq_file *m, void *unused)
{
	if (labobj_settings.write)
		seq_printf(m, "writes %s %u\n", OBJECT_NAME, labobj_settings.write);
	show_each(m, "reads", labobj_settings.reads);
	show_each(m, "hands-over", labobj_handed_over());
#ifdef KHO_FDT_COMPATIBLE
	show_token(m, KHO_FDT_COMPATIBLE);
#endif
#define SHOW(token) show_token(m, token);
	STOCK_COMPONENTS(SHOW)
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(versions);

static int __init labobj_debugfs(void)
{
	debugfs_create_file("versions", 0444, debugfs_create_dir("labobj", NULL), NULL, &versions_fops);
	return 0;
}
late_initcall(labobj_debugfs);
