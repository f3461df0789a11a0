#include "ring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/** One thread, nothing of the kernel's in between, and a call that fails does not keep others from being made. */
#define SETUP (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL)

/** SOCKET_URING_OP_SETSOCKOPT of linux/io_uring.h since 6.7. */
#define SOCKET_SETSOCKOPT 3

/** Entries in a row that get nowhere before what the kernel has taken is given up. */
#define TRIES 1000

struct sl_ring {
	int fd;
	bool broken;
	uint32_t refused;
	unsigned noted;
	unsigned* sq_tail;
	unsigned* cq_head;
	unsigned* cq_tail;
	unsigned cq_mask;
	unsigned sq_mask;
	struct io_uring_sqe* sqes;
	struct io_uring_cqe* cqes;
	void* queues;
	size_t queues_bytes;
	size_t sqes_bytes;
	int32_t results[SL_RING_CALLS];
};

static unsigned* word_at(struct sl_ring* ring, unsigned offset)
{
	return (unsigned*)(void*)((char*)ring->queues + offset);
}

static void* map(int fd, size_t bytes, off_t what)
{
	void* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
	return at == MAP_FAILED ? NULL : at;
}

static int map_queues(struct sl_ring* ring, const struct io_uring_params* params)
{
	size_t sq_bytes = params->sq_off.array + params->sq_entries * sizeof(unsigned);
	size_t cq_bytes = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	ring->queues_bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;
	ring->sqes_bytes = params->sq_entries * sizeof(struct io_uring_sqe);
	ring->queues = map(ring->fd, ring->queues_bytes, IORING_OFF_SQ_RING);
	ring->sqes = map(ring->fd, ring->sqes_bytes, IORING_OFF_SQES);
	if (ring->queues == NULL || ring->sqes == NULL)
		return -1;
	ring->sq_tail = word_at(ring, params->sq_off.tail);
	ring->sq_mask = *word_at(ring, params->sq_off.ring_mask);
	ring->cq_head = word_at(ring, params->cq_off.head);
	ring->cq_tail = word_at(ring, params->cq_off.tail);
	ring->cq_mask = *word_at(ring, params->cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe*)(void*)((char*)ring->queues + params->cq_off.cqes);
	for (unsigned at = 0; at < params->sq_entries; at++)
		word_at(ring, params->sq_off.array)[at] = at;
	return 0;
}

struct sl_ring* sl_ring_new(void)
{
	struct io_uring_params params = {.flags = SETUP};
	struct sl_ring* ring = calloc(1, sizeof *ring);
	if (ring == NULL)
		return NULL;
	ring->fd = (int)syscall(SYS_io_uring_setup, SL_RING_CALLS, &params);
	if (ring->fd >= 0 && (params.features & IORING_FEAT_SINGLE_MMAP) && map_queues(ring, &params) == 0)
		return ring;
	sl_ring_free(ring);
	return NULL;
}

void sl_ring_free(struct sl_ring* ring)
{
	if (ring->queues != NULL)
		munmap(ring->queues, ring->queues_bytes);
	if (ring->sqes != NULL)
		munmap(ring->sqes, ring->sqes_bytes);
	if (ring->fd >= 0)
		close(ring->fd);
	free(ring);
}

static struct io_uring_sqe* note(struct sl_ring* ring, uint8_t opcode, int fd)
{
	struct io_uring_sqe* call = &ring->sqes[(*ring->sq_tail + ring->noted) & ring->sq_mask];
	memset(call, 0, sizeof *call);
	call->opcode = opcode;
	call->fd = fd;
	call->user_data = ring->noted;
	ring->results[ring->noted++] = SL_NOT_MADE;
	return call;
}

void sl_ring_recv(struct sl_ring* ring, int fd, char* data, size_t length)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_RECV, fd);
	call->addr = (uintptr_t)data;
	call->len = (uint32_t)length;
	call->msg_flags = MSG_DONTWAIT;
}

void sl_ring_send(struct sl_ring* ring, int fd, const char* data, size_t length, int flags)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_SEND, fd);
	call->addr = (uintptr_t)data;
	call->len = (uint32_t)length;
	call->msg_flags = (uint32_t)(flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

void sl_ring_socket(struct sl_ring* ring, int family)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_SOCKET, family);
	call->off = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
}

void sl_ring_close(struct sl_ring* ring, int fd)
{
	(void)note(ring, IORING_OP_CLOSE, fd);
}

void sl_ring_set(struct sl_ring* ring, int fd, int level, int name, const int* value)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_URING_CMD, fd);
	/* Where newer headers have cmd_op, level and optname, optlen and optval. */
	call->off = SOCKET_SETSOCKOPT;
	call->addr = (uint32_t)level | (uint64_t)(uint32_t)name << 32;
	call->file_index = sizeof *value;
	call->addr3 = (uintptr_t)value;
}

void sl_ring_watch(struct sl_ring* ring, int epoll, int fd, const struct epoll_event* event)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_EPOLL_CTL, epoll);
	call->off = (unsigned)fd;
	call->len = EPOLL_CTL_ADD;
	call->addr = (uintptr_t)event;
}

void sl_ring_unwatch(struct sl_ring* ring, int epoll, int fd)
{
	struct io_uring_sqe* call = note(ring, IORING_OP_EPOLL_CTL, epoll);
	call->off = (unsigned)fd;
	call->len = EPOLL_CTL_DEL;
}

/** @return how many results came in. */
static unsigned reap(struct sl_ring* ring)
{
	unsigned head = *ring->cq_head;
	unsigned tail = __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
	for (unsigned at = head; at != tail; at++) {
		const struct io_uring_cqe* done = &ring->cqes[at & ring->cq_mask];
		ring->results[done->user_data] = done->res;
	}
	__atomic_store_n(ring->cq_head, tail, __ATOMIC_RELEASE);
	return tail - head;
}

/** Takes back what the kernel has not taken: its results say so. */
static void take_back(struct sl_ring* ring, unsigned count)
{
	__atomic_store_n(ring->sq_tail, *ring->sq_tail - count, __ATOMIC_RELEASE);
	ring->refused += count;
}

/** The kernel has the first calls, and does not say what became of some: nobody may make them again. */
static void give_up(struct sl_ring* ring, unsigned taken)
{
	ring->broken = true;
	for (unsigned at = 0; at < taken; at++)
		if (ring->results[at] == SL_NOT_MADE)
			ring->results[at] = -ECANCELED;
}

const int32_t* sl_ring_run(struct sl_ring* ring)
{
	unsigned noted = ring->noted;
	unsigned left = noted;
	unsigned unseen = noted;
	ring->noted = 0;
	if (ring->broken)
		return ring->results;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + noted, __ATOMIC_RELEASE);
	for (int tries = 0; unseen > 0 && tries < TRIES;) {
		long taken = syscall(SYS_io_uring_enter, ring->fd, left, unseen, IORING_ENTER_GETEVENTS, NULL, (size_t)0);
		bool refused = taken < 0 && errno != EINTR;
		unsigned seen = reap(ring);
		unseen -= seen;
		if (taken > 0)
			left -= (unsigned)taken;
		if (refused && left > 0) {
			take_back(ring, left);
			unseen -= left;
			noted -= left;
			left = 0;
		}
		tries = taken > 0 || seen > 0 ? 0 : tries + 1;
	}
	if (left > 0)
		take_back(ring, left);
	if (unseen > left)
		give_up(ring, noted - left);
	return ring->results;
}

uint32_t sl_ring_refused(struct sl_ring* ring)
{
	uint32_t refused = ring->refused;
	ring->refused = 0;
	return refused;
}

bool sl_ring_is_broken(const struct sl_ring* ring)
{
	return ring->broken;
}
