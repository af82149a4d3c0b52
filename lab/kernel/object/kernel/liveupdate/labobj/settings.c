// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this kernel reads and writes, and which fault it makes: build options, which
 * labobj.NAME= on the command line overrides.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "labobj.h"

#define VERSIONS(what) (IS_ENABLED(CONFIG_LAB_OBJECT_##what##_1) << 1 |	\
			IS_ENABLED(CONFIG_LAB_OBJECT_##what##_2) << 2 |	\
			IS_ENABLED(CONFIG_LAB_OBJECT_##what##_3) << 3 |	\
			IS_ENABLED(CONFIG_LAB_OBJECT_##what##_4) << 4)

struct labobj_settings labobj_settings = {
	.reads = VERSIONS(READS),
	.writes = VERSIONS(WRITES),
	.write = CONFIG_LAB_OBJECT_WRITE,
	.notation = IS_ENABLED(CONFIG_LAB_OBJECT_NOTATION_COMPOSITE) ? LABOBJ_COMPOSITE :
		    IS_ENABLED(CONFIG_LAB_OBJECT_NOTATION_FDT) ? LABOBJ_FDT :
		    IS_ENABLED(CONFIG_LAB_OBJECT_NOTATION_INTEGER) ? LABOBJ_INTEGER : LABOBJ_TOKEN,
	.check = IS_ENABLED(CONFIG_LAB_OBJECT_CHECK_EARLY) ? LABOBJ_EARLY : LABOBJ_LATE,
};

/*
 * The whole command line was read: from now on, a version to write must be one that can be
 * written.
 */
static bool settled;

/* "1,2", or "none". */
static int labobj_set_versions(const char *text, const struct kernel_param *param)
{
	unsigned long versions = 0;
	char copy[16], *rest = copy, *word;
	unsigned int version;

	if (strscpy(copy, text) < 0)
		return -EINVAL;
	while (strcmp(text, "none") && (word = strsep(&rest, ","))) {
		if (kstrtouint(word, 10, &version) || version < LABOBJ_OLDEST ||
		    version > LABOBJ_NEWEST)
			return -EINVAL;
		versions |= BIT(version);
	}
	*(unsigned long *)param->arg = versions;
	return 0;
}

static int labobj_get_versions(char *text, const struct kernel_param *param)
{
	int length = 0;

	for (unsigned int version = LABOBJ_OLDEST; version <= LABOBJ_NEWEST; version++)
		if (*(unsigned long *)param->arg & BIT(version))
			length += sysfs_emit_at(text, length, length ? ",%u" : "%u", version);
	return length + sysfs_emit_at(text, length, length ? "\n" : "none\n");
}

static const struct kernel_param_ops versions_ops = {
	.set = labobj_set_versions,
	.get = labobj_get_versions,
};

module_param_cb(reads, &versions_ops, &labobj_settings.reads, 0444);
module_param_cb(writes, &versions_ops, &labobj_settings.writes, 0444);

static int labobj_set_write(const char *text, const struct kernel_param *param)
{
	unsigned int version;

	if (kstrtouint(text, 10, &version) || version < LABOBJ_OLDEST || version > LABOBJ_NEWEST)
		return -EINVAL;
	if (settled) {
		int err = -EINVAL;

		if (labobj_settings.writes & BIT(version))
			err = labobj_register_writer(version);
		if (err)
			return err;
	}
	WRITE_ONCE(labobj_settings.write, version);
	return 0;
}

static int labobj_get_write(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%u\n", labobj_settings.write);
}

static const struct kernel_param_ops write_ops = {
	.set = labobj_set_write,
	.get = labobj_get_write,
};

module_param_cb(write, &write_ops, NULL, 0644);

/* One word of a list. */
struct words {
	const char *const *words;
	size_t count;
	unsigned int *value;
};

static int labobj_set_word(const char *text, const struct kernel_param *param)
{
	const struct words *words = param->arg;
	int found = __sysfs_match_string(words->words, words->count, text);

	if (found < 0)
		return found;
	WRITE_ONCE(*words->value, found);
	return 0;
}

static int labobj_get_word(char *text, const struct kernel_param *param)
{
	const struct words *words = param->arg;

	return sysfs_emit(text, "%s\n", words->words[*words->value]);
}

static const struct kernel_param_ops word_ops = { .set = labobj_set_word, .get = labobj_get_word };

#define WORD_PARAM(name, mode, ...)				\
	static const char *const name##_words[] = { __VA_ARGS__ };	\
	static struct words name##_choice = {			\
		name##_words,					\
		ARRAY_SIZE(name##_words),			\
		&labobj_settings.name,				\
	};							\
	module_param_cb(name, &word_ops, &name##_choice, mode)

/* In the order of the enums. */
WORD_PARAM(notation, 0444, "token", "composite", "fdt", "integer");
WORD_PARAM(check, 0444, "late", "early");
WORD_PARAM(misbehave, 0644, "none", "preserve", "freeze", "retrieve", "finish-leak", "layout");

static int __init labobj_settle(void)
{
	if (!(labobj_settings.writes & BIT(labobj_settings.write))) {
		unsigned int newest = labobj_settings.writes ? __fls(labobj_settings.writes) : 0;

		pr_warn("cannot write version %u, writes %u\n", labobj_settings.write, newest);
		labobj_settings.write = newest;
	}
	settled = true;
	return 0;
}
core_initcall(labobj_settle);
