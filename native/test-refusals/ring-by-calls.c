/*
 * ring-by-calls.c - stands for the core's ring.c where a sanitizer is to see every call: what is noted is made by plain
 * system calls, in order, when the ring runs.
 */
#include "../core/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum opcode { RECV, SEND, SOCKET, CLOSE, SET, WATCH, UNWATCH };

struct call {
	enum opcode opcode;
	int fd;
	int other;           /** flags, level, or what epoll is to watch */
	int name;
	const void* data;
	size_t length;
};

struct sl_ring {
	struct call calls[SL_RING_CALLS];
	int32_t results[SL_RING_CALLS];
	uint32_t noted;
};

struct sl_ring* sl_ring_new(void)
{
	return calloc(1, sizeof(struct sl_ring));
}

void sl_ring_free(struct sl_ring* ring)
{
	free(ring);
}

static void note(struct sl_ring* ring, struct call call)
{
	ring->calls[ring->noted++] = call;
}

void sl_ring_recv(struct sl_ring* ring, int fd, char* data, size_t length)
{
	note(ring, (struct call){.opcode = RECV, .fd = fd, .data = data, .length = length});
}

void sl_ring_send(struct sl_ring* ring, int fd, const char* data, size_t length, int flags)
{
	note(ring, (struct call){.opcode = SEND, .fd = fd, .other = flags, .data = data, .length = length});
}

void sl_ring_socket(struct sl_ring* ring, int family)
{
	note(ring, (struct call){.opcode = SOCKET, .fd = family});
}

void sl_ring_close(struct sl_ring* ring, int fd)
{
	note(ring, (struct call){.opcode = CLOSE, .fd = fd});
}

void sl_ring_set(struct sl_ring* ring, int fd, int level, int name, const int* value)
{
	note(ring, (struct call){.opcode = SET, .fd = fd, .other = level, .name = name, .data = value});
}

void sl_ring_watch(struct sl_ring* ring, int epoll, int fd, const struct epoll_event* event)
{
	note(ring, (struct call){.opcode = WATCH, .fd = epoll, .other = fd, .data = event});
}

void sl_ring_unwatch(struct sl_ring* ring, int epoll, int fd)
{
	note(ring, (struct call){.opcode = UNWATCH, .fd = epoll, .other = fd});
}

static ssize_t make(const struct call* call)
{
	switch (call->opcode) {
	case RECV:
		return recv(call->fd, (void*)(uintptr_t)call->data, call->length, MSG_DONTWAIT);
	case SEND:
		return send(call->fd, call->data, call->length, call->other | MSG_DONTWAIT | MSG_NOSIGNAL);
	case SOCKET:
		return socket(call->fd, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	case CLOSE:
		return close(call->fd);
	case SET:
		return setsockopt(call->fd, call->other, call->name, call->data, sizeof(int));
	case UNWATCH:
		return epoll_ctl(call->fd, EPOLL_CTL_DEL, call->other, NULL);
	default: {
		struct epoll_event event = *(const struct epoll_event*)call->data;
		return epoll_ctl(call->fd, EPOLL_CTL_ADD, call->other, &event);
	}
	}
}

const int32_t* sl_ring_run(struct sl_ring* ring)
{
	for (uint32_t at = 0; at < ring->noted; at++) {
		ssize_t result = make(&ring->calls[at]);
		ring->results[at] = result < 0 ? -errno : (int32_t)result;
	}
	ring->noted = 0;
	return ring->results;
}

uint32_t sl_ring_refused(struct sl_ring* ring)
{
	(void)ring;
	return 0;
}

bool sl_ring_is_broken(const struct sl_ring* ring)
{
	(void)ring;
	return false;
}
