// SPDX-License-Identifier: GPL-2.0-only
/*
 * What LUO is told: under which names an object is handed over. A kernel that checks late registers what it reads and what it writes, as
 * stock handlers do, and LUO fails over all else. One that checks early registers every name there is.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "labobj.h"

/* Whether objects are handed over under this name when that version is written. */
static bool writes_under(const struct labobj_handler *handler, unsigned int version)
{
	if (!handler->version)
		return labobj_settings.notation == LABOBJ_FDT || labobj_settings.notation == LABOBJ_INTEGER;
	return handler->notation == labobj_settings.notation && handler->version == version;
}

static bool labobj_can_preserve(struct liveupdate_file_handler *fh, struct file *file)
{
	unsigned int write = READ_ONCE(labobj_settings.write);

	return file->f_op == &labobj_fops && write && writes_under(to_labobj_handler(fh), write);
}

static const struct liveupdate_file_ops labobj_ops = {
	.can_preserve = labobj_can_preserve,
	.preserve = labobj_preserve,
	.unpreserve = labobj_unpreserve,
	.freeze = labobj_freeze,
	.retrieve = labobj_retrieve,
	.finish = labobj_finish,
	.owner = THIS_MODULE,
};

#define HANDLER(which, how, name) {					\
	.handler = { .ops = &labobj_ops, .compatible = name },		\
	.version = which,						\
	.notation = how,						\
}
#define VERSION(which)							\
	HANDLER(which, LABOBJ_TOKEN, "object-v" #which),		\
	HANDLER(which, LABOBJ_COMPOSITE, "object-v" #which ";pages-v1;array-v1")

static struct labobj_handler handlers[] = {
	VERSION(1), VERSION(2), VERSION(3), VERSION(4), HANDLER(0, LABOBJ_NOTATIONS, OBJECT_NAME),
};

static int register_one(struct labobj_handler *handler)
{
	int err = handler->registered ? 0 : liveupdate_register_file_handler(&handler->handler);

	if (!err)
		handler->registered = true;
	return err;
}

/* The name for what is written from now on. Callers hold the lock of the parameters, or are alone. */
int labobj_register_writer(unsigned int version)
{
	for (int i = 0; i < ARRAY_SIZE(handlers); i++)
		if (writes_under(&handlers[i], version))
			return register_one(&handlers[i]);
	return -EINVAL;
}

static bool reads_under(const struct labobj_handler *handler)
{
	return labobj_settings.check == LABOBJ_EARLY ||
	       (writes_under(handler, handler->version) && (!handler->version || labobj_settings.reads & BIT(handler->version)));
}

static int __init labobj_register(void)
{
	int err = 0;

	if (!liveupdate_enabled())
		return 0;
	if (labobj_settings.write)
		err = labobj_register_writer(labobj_settings.write);
	for (int i = 0; !err && i < ARRAY_SIZE(handlers); i++)
		if (reads_under(&handlers[i]))
			err = register_one(&handlers[i]);
	if (err)
		pr_err("cannot register: %pe\n", ERR_PTR(err));
	return err;
}
late_initcall(labobj_register);
