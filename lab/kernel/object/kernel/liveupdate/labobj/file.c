// SPDX-License-Identifier: GPL-2.0-only
/* /dev/labobj for user space: a file of pages, with ioctls for the rest. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "labobj.h"

/* Bytes of the file; 0 before it is set up. */
static u64 labobj_size(struct labobj *object)
{
	/* Pairs with smp_store_release() of setup and retrieve. */
	return smp_load_acquire(&object->ready) ? object->nr_pages << PAGE_SHIFT : 0;
}

static int labobj_open(struct inode *inode, struct file *file)
{
	struct labobj *object = labobj_new();

	if (!object)
		return -ENOMEM;
	file->private_data = object;
	return 0;
}

static int labobj_release(struct inode *inode, struct file *file)
{
	labobj_free(file->private_data);
	return 0;
}

static loff_t labobj_llseek(struct file *file, loff_t offset, int whence)
{
	u64 size = labobj_size(file->private_data);

	/* This knows SEEK_DATA and SEEK_HOLE: everything is data. */
	return generic_file_llseek_size(file, offset, whence, MAX_LFS_FILESIZE, size);
}

static ssize_t labobj_transfer(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	struct labobj *object = iocb->ki_filp->private_data;
	u64 size = labobj_size(object), at = iocb->ki_pos;
	ssize_t done = 0;

	if (write && iov_iter_count(iter) && at >= size)
		return -ENOSPC;
	while (at < size && iov_iter_count(iter)) {
		struct page *page = object->pages[at >> PAGE_SHIFT];
		size_t offset = offset_in_page(at);
		size_t length = min_t(size_t, PAGE_SIZE - offset, iov_iter_count(iter));
		size_t copied = write ? copy_page_from_iter(page, offset, length, iter) :
					copy_page_to_iter(page, offset, length, iter);

		done += copied;
		at += copied;
		if (copied < length)
			break;
		cond_resched();
	}
	iocb->ki_pos = at;
	return done || !iov_iter_count(iter) || at >= size ? done : -EFAULT;
}

static ssize_t labobj_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return labobj_transfer(iocb, to, false);
}

static ssize_t labobj_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return labobj_transfer(iocb, from, true);
}

static vm_fault_t labobj_fault(struct vm_fault *vmf)
{
	struct labobj *object = vmf->vma->vm_file->private_data;

	if (vmf->pgoff >= labobj_size(object) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	vmf->page = object->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct labobj_vm_ops = {
	.fault = labobj_fault,
};

static int labobj_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &labobj_vm_ops;
	return 0;
}

static long labobj_info(struct labobj *object, void __user *to)
{
	struct labobj_info info = {
		.pages = object->nr_pages,
		.array = object->array,
		.state = object->state,
		.needs = labobj_needs(object),
		.arrived = object->arrived,
	};

	memcpy(info.label, object->label, LABOBJ_LABEL);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

static long labobj_array(struct labobj *object, const struct labobj_array *range, bool write)
{
	void __user *user = u64_to_user_ptr(range->buffer);
	u64 at = range->offset, end;

	if (check_add_overflow(range->offset, range->length, &end) || end > object->array)
		return -EINVAL;
	guard(mutex)(&object->lock);
	while (at < end) {
		u64 offset = at % LABOBJ_PIECE, length = min(LABOBJ_PIECE - offset, end - at);
		void *piece = object->pieces[at / LABOBJ_PIECE] + offset;

		if (write ? copy_from_user(piece, user, length) : copy_to_user(user, piece, length))
			return -EFAULT;
		at += length;
		user += length;
	}
	return 0;
}

static long labobj_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct labobj *object = file->private_data;
	void __user *user = (void __user *)argument;
	struct labobj_setup setup;
	struct labobj_array range;

	if (command == LABOBJ_SETUP)
		return copy_from_user(&setup, user, sizeof(setup)) ?
		       -EFAULT : labobj_setup(object, &setup);
	if (command != LABOBJ_INFO && command != LABOBJ_ARRAY_READ && command != LABOBJ_ARRAY_WRITE)
		return -ENOTTY;
	/* Pairs with smp_store_release() of setup and retrieve. */
	if (!smp_load_acquire(&object->ready))
		return -EINVAL;
	if (command == LABOBJ_INFO)
		return labobj_info(object, user);
	if (copy_from_user(&range, user, sizeof(range)))
		return -EFAULT;
	return labobj_array(object, &range, command == LABOBJ_ARRAY_WRITE);
}

const struct file_operations labobj_fops = {
	.owner = THIS_MODULE,
	.open = labobj_open,
	.release = labobj_release,
	.llseek = labobj_llseek,
	.read_iter = labobj_read_iter,
	.write_iter = labobj_write_iter,
	.mmap = labobj_mmap,
	.unlocked_ioctl = labobj_ioctl,
};

/**
 * labobj_open_file() - Make a file for an object that has arrived.
 * @object: the object, which then belongs to the file
 *
 * Return: the file, or an error pointer
 */
struct file *labobj_open_file(struct labobj *object)
{
	struct file *file =
		anon_inode_getfile("[labobj]", &labobj_fops, object, O_RDWR | O_LARGEFILE);

	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return file;
}

static struct miscdevice labobj_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "labobj",
	.fops = &labobj_fops,
	.mode = 0600,
};

builtin_misc_device(labobj_device);
