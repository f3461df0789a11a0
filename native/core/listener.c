#include "listener.h"

#include "conn.h"
#include "sockets.h"
#include "udp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/** Connections that one listener gives in one turn. */
#define ACCEPT_BATCH 64
/** And at most when it is closed: no queue of the kernel's is longer by default (net.core.somaxconn). */
#define LAST_BATCH 4096

/** The client has gone, or something that it sent has: the next one is another matter. */
static bool is_about_one_client(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

static void accept_some(struct sl_engine* engine, struct sl_listener* listener, int most)
{
	for (int at = 0; at < most && listener->watched; at++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof peer;
		struct sl_addr client;
		int fd = accept4(listener->source.fd, (struct sockaddr*)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && is_about_one_client(errno))
			continue;
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0) {
			sl_shortage_begins(engine);
			return;
		}
		if (!sl_addr_read(&peer, &client))
			close(fd);
		else if (sl_conn_accept(engine, listener->id, listener->group, fd, &client) != 0)
			sl_shortage_begins(engine);
	}
}

static void accept_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	(void)events;
	accept_some(engine, SL_OF(source, struct sl_listener, source), ACCEPT_BATCH);
}

static int watch(struct sl_engine* engine, struct sl_listener* listener)
{
	/* A socket that several threads share wakes one of them. */
	int failure = sl_watch(engine, &listener->source, listener->tcp ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN);
	listener->watched = failure == 0;
	return failure;
}

static int discard(struct sl_listener* listener, int failure)
{
	if (listener->source.fd >= 0)
		close(listener->source.fd);
	if (listener->group != NULL)
		sl_group_release(listener->group);
	free(listener);
	return failure;
}

static bool bound_to_any(int fd)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof bound;
	struct sl_addr addr;
	return getsockname(fd, (struct sockaddr*)&bound, &length) == 0 && sl_addr_read(&bound, &addr) &&
	       sl_addr_is_any(&addr);
}

int sl_engine_listen(struct sl_engine* engine, uint32_t id, int fd, bool tcp, uint32_t group)
{
	struct sl_listener* listener = calloc(1, sizeof *listener);
	if (listener == NULL)
		return -ENOMEM;
	listener->id = id;
	listener->tcp = tcp;
	listener->any_address = bound_to_any(fd);
	listener->source = (struct sl_source){
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.ready = tcp ? accept_ready : sl_udp_listener_ready,
	};
	if (listener->source.fd < 0)
		return discard(listener, -errno);
	if (!tcp)
		sl_take_joined(listener->source.fd);
	listener->group = sl_group_hold(engine, group);
	if (listener->group == NULL)
		return discard(listener, -ENOMEM);
	int failure = watch(engine, listener);
	if (failure != 0)
		return discard(listener, failure);
	sl_list_push(&engine->listeners, &listener->link);
	return 0;
}

void sl_listener_close(struct sl_engine* engine, struct sl_listener* listener)
{
	if (!listener->tcp)
		sl_udp_end_flows_of(engine, listener);
	/* Closing alone would not do: the socket lives on in the host's descriptor, and epoll with it. */
	if (listener->watched)
		sl_unwatch(engine, listener->source.fd);
	listener->watched = false;
	close(listener->source.fd);
	listener->source.fd = -1;
	sl_group_release(listener->group);
	sl_list_remove(&listener->link);
	free(listener);
}

void sl_engine_unlisten(struct sl_engine* engine, uint32_t id)
{
	for (struct sl_link* link = engine->listeners.next; link != &engine->listeners; link = link->next) {
		struct sl_listener* listener = SL_OF(link, struct sl_listener, link);
		if (listener->id != id)
			continue;
		/* Whoever waits there may have been connected for long, and would be reset with the socket. */
		if (listener->tcp)
			accept_some(engine, listener, LAST_BATCH);
		sl_listener_close(engine, listener);
		return;
	}
}

void sl_listener_rests(struct sl_engine* engine, struct sl_listener* listener)
{
	if (listener->watched)
		sl_unwatch(engine, listener->source.fd);
	listener->watched = false;
	sl_shortage_begins(engine);
}

void sl_listeners_watch(struct sl_engine* engine, bool watch_them)
{
	for (struct sl_link* link = engine->listeners.next; link != &engine->listeners; link = link->next) {
		struct sl_listener* listener = SL_OF(link, struct sl_listener, link);
		/* Datagrams still find their flows while no connection can be accepted. */
		if (listener->watched == watch_them || (!listener->tcp && !watch_them))
			continue;
		if (watch_them) {
			/* Else nobody would come back for it. */
			if (watch(engine, listener) != 0)
				sl_shortage_begins(engine);
		} else {
			sl_unwatch(engine, listener->source.fd);
			listener->watched = false;
		}
	}
}
