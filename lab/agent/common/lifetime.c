// SPDX-License-Identifier: GPL-2.0-only
/*
 * An oops in a system call ends the thread that made it, and no other thread. The agent's other
 * threads would keep the process and its connection, and the lab would wait for a reply that
 * never comes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "common/lifetime.h"

/* The first thread holds it for as long as it lives; the kernel gives it up for a dead owner. */
static pthread_mutex_t first_lives;

static void *lifetime_watch(void *unused)
{
	if (pthread_mutex_lock(&first_lives) == EOWNERDEAD)
		_exit(1);
	return unused;
}

/**
 * lifetime_of_first_thread() - End the process when the calling thread ends.
 *
 * If the watching thread cannot be made, all works as before, without it.
 */
void lifetime_of_first_thread(void)
{
	pthread_mutexattr_t attr;
	pthread_t thread;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&first_lives, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_lock(&first_lives);
	if (!pthread_create(&thread, NULL, lifetime_watch, NULL))
		pthread_detach(thread);
}
