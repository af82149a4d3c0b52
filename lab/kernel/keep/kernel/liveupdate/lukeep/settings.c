// SPDX-License-Identifier: GPL-2.0-only
/*
 * lukeep.NAME= on the kernel command line: what is kept, which fault is made on purpose, and
 * which versions this kernel knows.
 */
#include <linux/lukeep.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

unsigned int lukeep_mode = LUKEEP_FULL;
unsigned int lukeep_pretend = LUKEEP_TRUTH;

/* How long translation is off in mode translation-off, in milliseconds. */
unsigned int lukeep_off_ms = 250;
module_param_named(off_ms, lukeep_off_ms, uint, 0444);

/* Which device refuses to freeze, in the order of preservation, from 1 on. 0 means none. */
unsigned int lukeep_freeze_fails;
module_param_named(freeze_fails, lukeep_freeze_fails, uint, 0444);

/* What this kernel writes and reads. */
char lukeep_pci_version[LUKEEP_NAME_LENGTH] = CONFIG_LAB_KEEP_PCI_VERSION;
char lukeep_iommu_version[LUKEEP_NAME_LENGTH] = CONFIG_LAB_KEEP_IOMMU_VERSION;
module_param_string(pci_version, lukeep_pci_version, sizeof(lukeep_pci_version), 0444);
module_param_string(iommu_version, lukeep_iommu_version, sizeof(lukeep_iommu_version), 0444);

/* One word of a list. */
struct words {
	const char *const *words;
	size_t count;
	unsigned int *value;
};

static int lukeep_set_word(const char *text, const struct kernel_param *param)
{
	const struct words *words = param->arg;
	int found = __sysfs_match_string(words->words, words->count, text);

	if (found < 0)
		return found;
	*words->value = found;
	return 0;
}

static int lukeep_get_word(char *text, const struct kernel_param *param)
{
	const struct words *words = param->arg;

	return sysfs_emit(text, "%s\n", words->words[*words->value]);
}

static const struct kernel_param_ops word_ops = { .set = lukeep_set_word, .get = lukeep_get_word };

/* In the order of the enums. */
static const char *const mode_words[] = {
	"off", "full", "forget-page", "translation-off", "reset", "leak-table", "freeze-kills",
};

static struct words mode = { mode_words, ARRAY_SIZE(mode_words), &lukeep_mode };
module_param_cb(mode, &word_ops, &mode, 0444);

static const char *const pretend_words[] = { "truth", "address", "missing" };
static struct words pretend = { pretend_words, ARRAY_SIZE(pretend_words), &lukeep_pretend };
module_param_cb(pretend, &word_ops, &pretend, 0444);
