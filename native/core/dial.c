#include "conn.h"

#include "sockets.h"
#include "volley.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/** How long a connection waits for a descriptor before it is given up, so that those who wait cannot block each other. */
#define STARVING_MS 1000

static void hang_up(struct sl_engine* engine, struct sl_conn* conn)
{
	if (conn->endpoint.watched)
		sl_unwatch(engine, conn->endpoint.source.fd);
	if (conn->endpoint.source.fd >= 0)
		close(conn->endpoint.source.fd);
	conn->endpoint.source.fd = -1;
	conn->endpoint.watched = false;
	conn->endpoint.watches_out = false;
	sl_timer_clear(&conn->timer);
}

/** @param as: what it is counted as. */
static void failed(struct sl_engine* engine, struct sl_conn* conn, enum sl_counter as)
{
	hang_up(engine, conn);
	sl_add(engine, as, 1);
	if (conn->flow.attempt + 1 < conn->policy->tries) {
		conn->flow.attempt++;
		sl_conn_ask(engine, conn);
		return;
	}
	/* Closing a socket whose bytes nobody has read resets it; so it does where they were read here in advance. */
	sl_conn_over(engine, conn, SL_RESET, conn->policy->failure_resets || conn->client.rest.data != NULL);
}

static void starve(struct sl_engine* engine, struct sl_conn* conn)
{
	conn->state = SL_CONN_STARVING;
	sl_list_push(&engine->starving, &conn->ready);
	if (sl_list_empty(&conn->timer.link))
		sl_timer_set(&engine->wheel, &conn->timer, sl_due_ms(engine, STARVING_MS));
	sl_shortage_begins(engine);
}

/** @param outcome: 0, or -EINPROGRESS. */
static void is_dialling(struct sl_engine* engine, struct sl_conn* conn, int fd, int outcome)
{
	sl_timer_clear(&conn->timer);
	conn->endpoint.source.fd = fd;
	if (outcome == 0) {
		sl_join(engine, conn);
		return;
	}
	conn->state = SL_CONN_DIALLING;
	conn->endpoint.watches_out = true;
	if (sl_watch(engine, &conn->endpoint.source, SL_SIDE_EVENTS | EPOLLOUT) != 0) {
		failed(engine, conn, SL_REFUSED);
		return;
	}
	conn->endpoint.watched = true;
	/* A client that gives up frees the endpoint's socket with its own: the kernel may go on dialling for minutes. */
	if (!conn->client.watched)
		conn->client.watched = sl_watch(engine, &conn->client.source, SL_SIDE_EVENTS) == 0;
	if (conn->client.broken) {
		sl_conn_fail(engine, conn);
		return;
	}
	uint32_t timeout_ms = conn->policy->dial_timeout_ms[conn->flow.attempt];
	if (timeout_ms > 0)
		sl_timer_set(&engine->wheel, &conn->timer, sl_due_ms(engine, timeout_ms));
}

static void not_dialled(struct sl_engine* engine, struct sl_conn* conn, int failure)
{
	if (sl_is_shortage(-failure))
		starve(engine, conn);
	else
		/* No local port is left for that endpoint: there may be for others, so nobody rests. */
		failed(engine, conn, failure == -EADDRNOTAVAIL ? SL_ACCEPT_FAILURES : SL_REFUSED);
}

void sl_dialled(struct sl_engine* engine, struct sl_conn* conn, int fd, int outcome)
{
	if (outcome == 0 || outcome == -EINPROGRESS) {
		is_dialling(engine, conn, fd, outcome);
		return;
	}
	if (fd >= 0)
		close(fd);
	not_dialled(engine, conn, outcome);
}

static void dial_alone(struct sl_engine* engine, struct sl_conn* conn)
{
	bool connected = false;
	int fd = sl_open_connecting(&conn->to, conn->policy->keepalive_s, &connected);
	int outcome = connected ? 0 : -EINPROGRESS;
	sl_dialled(engine, conn, fd, fd < 0 ? fd : outcome);
}

/** One that was ended in between, or asks for another endpoint, is dialled no more. @return how many are left. */
static uint32_t leave_wanted(struct sl_queue* queue)
{
	uint32_t wanted = 0;
	for (uint32_t at = 0; at < queue->count; at++) {
		struct sl_conn* conn = queue->conns[at];
		if (conn->state != SL_CONN_DEAD && conn->flow.asking == SL_NOT_ASKING)
			queue->conns[wanted++] = conn;
	}
	return wanted;
}

void sl_dial(struct sl_engine* engine, struct sl_conn* conn)
{
	struct sl_queue* dialling = &engine->volley->dialling;
	if (dialling->count == SL_STIRRED)
		sl_dial_all(engine);
	dialling->conns[dialling->count++] = conn;
}

void sl_dial_all(struct sl_engine* engine)
{
	struct sl_queue* dialling = &engine->volley->dialling;
	uint32_t count = leave_wanted(dialling);
	if (sl_together(engine->volley, count))
		sl_dial_together(engine, dialling->conns, count);
	else
		for (uint32_t at = 0; at < count; at++)
			dial_alone(engine, dialling->conns[at]);
	dialling->count = 0;
}

void sl_dial_event(struct sl_engine* engine, struct sl_conn* conn, uint32_t events)
{
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return;
	sl_timer_clear(&conn->timer);
	if (sl_connect_result(conn->endpoint.source.fd) != 0) {
		failed(engine, conn, SL_REFUSED);
		return;
	}
	/* An endpoint that speaks first may have spoken by now, and epoll says so once. That there is no error was asked. */
	sl_side_event(&conn->endpoint, events & ~(uint32_t)EPOLLERR);
	sl_join(engine, conn);
}

void sl_dial_timeout(struct sl_engine* engine, struct sl_conn* conn)
{
	sl_list_remove(&conn->ready);
	failed(engine, conn, SL_REFUSED);
}
