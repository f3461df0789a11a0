#include "conn.h"

#include "sockets.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/** How long a connection waits for a descriptor before it is given up, so that those who wait cannot block each other. */
#define STARVING_MS 1000

static void hang_up(struct sl_conn* conn)
{
	if (conn->endpoint.source.fd >= 0)
		close(conn->endpoint.source.fd);
	conn->endpoint.source.fd = -1;
	conn->endpoint.watches_out = false;
	sl_timer_clear(&conn->timer);
}

static void failed(struct sl_engine* engine, struct sl_conn* conn)
{
	hang_up(conn);
	sl_add(engine, SL_REFUSED, 1);
	if (conn->flow.attempt + 1 < conn->policy->tries) {
		conn->flow.attempt++;
		sl_conn_ask(engine, conn);
		return;
	}
	sl_conn_over(engine, conn, SL_RESET, conn->policy->failure_resets);
}

static void starve(struct sl_engine* engine, struct sl_conn* conn)
{
	conn->state = SL_CONN_STARVING;
	sl_list_push(&engine->starving, &conn->ready);
	if (sl_list_empty(&conn->timer.link))
		sl_timer_set(&engine->wheel, &conn->timer, sl_due_ms(engine, STARVING_MS));
	sl_shortage_begins(engine);
}

void sl_dial(struct sl_engine* engine, struct sl_conn* conn)
{
	bool connected;
	int fd = sl_open_connecting(&conn->to, conn->policy->keepalive_s, &connected);
	if (fd < 0) {
		if (sl_is_shortage(-fd))
			starve(engine, conn);
		else
			failed(engine, conn);
		return;
	}
	sl_timer_clear(&conn->timer);
	conn->endpoint.source.fd = fd;
	if (connected) {
		sl_join(engine, conn, false);
		return;
	}
	conn->state = SL_CONN_DIALLING;
	conn->endpoint.watches_out = true;
	if (sl_watch(engine, &conn->endpoint.source, SL_SIDE_EVENTS | EPOLLOUT) != 0) {
		failed(engine, conn);
		return;
	}
	uint32_t timeout_ms = conn->policy->dial_timeout_ms[conn->flow.attempt];
	if (timeout_ms > 0)
		sl_timer_set(&engine->wheel, &conn->timer, sl_due_ms(engine, timeout_ms));
}

void sl_dial_event(struct sl_engine* engine, struct sl_conn* conn, uint32_t events)
{
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return;
	sl_timer_clear(&conn->timer);
	if (sl_connect_result(conn->endpoint.source.fd) == 0)
		sl_join(engine, conn, true);
	else
		failed(engine, conn);
}

void sl_dial_timeout(struct sl_engine* engine, struct sl_conn* conn)
{
	sl_list_remove(&conn->ready);
	failed(engine, conn);
}
