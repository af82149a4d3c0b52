// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names under which an object is handed over. A kernel that checks late registers what it
 * reads and what it writes, like other handlers, and LUO fails on anything else. One that
 * checks early registers all names.
 */
#define pr_fmt(fmt) "labobj: " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "labobj.h"

/* Tells whether objects of that version are handed over under this name. */
static bool labobj_writes_under(const struct labobj_handler *handler, unsigned int version)
{
	if (!handler->version)
		return labobj_settings.notation == LABOBJ_FDT ||
		       labobj_settings.notation == LABOBJ_INTEGER;
	return handler->notation == labobj_settings.notation && handler->version == version;
}

static bool labobj_can_preserve(struct liveupdate_file_handler *fh, struct file *file)
{
	unsigned int write = READ_ONCE(labobj_settings.write);

	return file->f_op == &labobj_fops && write &&
	       labobj_writes_under(to_labobj_handler(fh), write);
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

static int labobj_register_one(struct labobj_handler *handler)
{
	int err = handler->registered ? 0 : liveupdate_register_file_handler(&handler->handler);

	if (!err)
		handler->registered = true;
	return err;
}

/**
 * labobj_register_writer() - Register the name of what is written from now on.
 * @version: the version
 *
 * The caller holds the lock of the parameters, or runs alone.
 *
 * Return: 0 or an errno
 */
int labobj_register_writer(unsigned int version)
{
	for (int i = 0; i < ARRAY_SIZE(handlers); i++)
		if (labobj_writes_under(&handlers[i], version))
			return labobj_register_one(&handlers[i]);
	return -EINVAL;
}

static bool labobj_reads_under(const struct labobj_handler *handler)
{
	return labobj_settings.check == LABOBJ_EARLY ||
	       (labobj_writes_under(handler, handler->version) &&
		(!handler->version || labobj_settings.reads & BIT(handler->version)));
}

static int __init labobj_register(void)
{
	int err = 0;

	if (!liveupdate_enabled())
		return 0;
	if (labobj_settings.write)
		err = labobj_register_writer(labobj_settings.write);
	for (int i = 0; !err && i < ARRAY_SIZE(handlers); i++)
		if (labobj_reads_under(&handlers[i]))
			err = labobj_register_one(&handlers[i]);
	if (err)
		pr_err("cannot register: %pe\n", ERR_PTR(err));
	return err;
}
late_initcall(labobj_register);
