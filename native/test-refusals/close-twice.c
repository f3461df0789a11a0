/*
 * close-twice.c - closes a descriptor of the core twice, after its number was given to another thread: what a sanitizer
 * has to find. It closes as the engine does where many go together.
 */
#include "../core/ring.h"
#include "../core/sockets.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static int open_one(void)
{
	struct sl_addr at = {.family = 4, .ip = {0x7f000001}};
	return sl_open_listening(&at, true, false, 1);
}

static void* open_another(void* nothing)
{
	(void)open_one();
	return nothing;
}

static void close_one(struct sl_ring* ring, int fd)
{
	sl_ring_close(ring, fd);
	(void)sl_ring_run(ring);
}

int main(void)
{
	pthread_t other;
	struct sl_ring* ring = sl_ring_new();
	int fd = open_one();
	if (ring == NULL || fd < 0)
		return 1;
	close_one(ring, fd);
	if (pthread_create(&other, NULL, open_another, NULL) != 0)
		return 1;
	/* Not by a signal between the threads: that would put their calls in order. */
	for (int spin = 0; spin < 10000 && fcntl(fd, F_GETFD) < 0; spin++)
		usleep(1000);
	/* The sanitizer notes a descriptor shortly after the kernel has given it out. */
	usleep(200000);
	close_one(ring, fd);
	pthread_join(other, NULL);
	sl_ring_free(ring);
	return 0;
}
