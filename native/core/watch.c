#include "engine.h"

#include <errno.h>
#include <sys/epoll.h>

int sl_watch(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0 ? 0 : -errno;
}

void sl_unwatch(struct sl_engine* engine, int fd)
{
	struct epoll_event none = {0};
	(void)epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, &none);
}

uint64_t sl_due_ms(const struct sl_engine* engine, uint32_t wait_ms)
{
	double due = engine->now_ms + wait_ms;
	uint64_t whole = (uint64_t)due;
	/* Rounded up: a timer may be late, never early. */
	return (double)whole < due ? whole + 1 : whole;
}
