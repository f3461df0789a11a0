/*
 * ring.h - many calls with one entry into the kernel (io_uring): what would be a system call for each of many sockets.
 *
 * Calls are noted, then run together; all of them have been carried out when sl_ring_run() comes back. None of them
 * waits: sockets do not block.
 *
 * Threads: a ring belongs to the thread that made it.
 */
#ifndef SL_RING_H
#define SL_RING_H

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Calls that can be noted between two runs. */
#define SL_RING_CALLS 256
/** The result of a call that was not made. */
#define SL_NOT_MADE INT32_MIN

struct sl_ring;
struct epoll_event;

/** @return NULL where the host does not offer it, or has no memory or descriptor for it. */
struct sl_ring* sl_ring_new(void);
void sl_ring_free(struct sl_ring* ring);

/* Each notes one call, and counts from 0 after a run. There must be room for it. */

void sl_ring_recv(struct sl_ring* ring, int fd, char* data, size_t length);
void sl_ring_send(struct sl_ring* ring, int fd, const char* data, size_t length, int flags);
void sl_ring_socket(struct sl_ring* ring, int family);
void sl_ring_close(struct sl_ring* ring, int fd);
/** @param value: read when the ring runs. Kernels before 6.7 do not make it. */
void sl_ring_set(struct sl_ring* ring, int fd, int level, int name, const int* value);
/** @param event: read when the ring runs. */
void sl_ring_watch(struct sl_ring* ring, int epoll, int fd, const struct epoll_event* event);
void sl_ring_unwatch(struct sl_ring* ring, int epoll, int fd);

/**
 * Makes all calls that were noted. @return their results in order: what the system call returns, or -errno; SL_NOT_MADE
 * of those that the kernel refused to take, -ECANCELED of those that it took and never answered.
 */
const int32_t* sl_ring_run(struct sl_ring* ring);

/** @return how many calls the kernel has refused to take since this was last asked. */
uint32_t sl_ring_refused(struct sl_ring* ring);
/** The kernel has not answered: no call is made any more. */
bool sl_ring_is_broken(const struct sl_ring* ring);

#endif /* SL_RING_H */
