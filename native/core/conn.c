#include "conn.h"

#include "sockets.h"
#include "volley.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static void routed(struct sl_engine* engine, struct sl_flow* flow, const struct sl_route* route)
{
	struct sl_conn* conn = SL_OF(flow, struct sl_conn, flow);
	if (conn->aborted) {
		sl_conn_over(engine, conn, SL_RESET, true);
		return;
	}
	if (route->verdict == SL_FORWARD) {
		conn->to = route->to;
		sl_dial(engine, conn);
		return;
	}
	bool refused = route->verdict == SL_REFUSE;
	sl_add(engine, refused ? SL_REJECTED : SL_DROPPED, 1);
	sl_conn_over(engine, conn, SL_RESET, refused && conn->policy->failure_resets);
}

/* An event of this turn may name a connection that has ended in this turn, or an endpoint that was given up in it. */

static void client_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	struct sl_conn* conn = SL_OF(source, struct sl_conn, client.source);
	if (conn->state == SL_CONN_DEAD)
		return;
	sl_side_event(&conn->client, events);
	if (conn->state == SL_CONN_JOINED)
		sl_stir(engine, conn);
	else if (conn->state == SL_CONN_DIALLING && (events & (EPOLLERR | EPOLLHUP)))
		sl_conn_fail(engine, conn);
}

static void endpoint_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	struct sl_conn* conn = SL_OF(source, struct sl_conn, endpoint.source);
	if (conn->state == SL_CONN_DIALLING) {
		sl_dial_event(engine, conn, events);
	} else if (conn->state == SL_CONN_JOINED) {
		sl_side_event(&conn->endpoint, events);
		sl_stir(engine, conn);
	}
}

static void timer_fired(void* context, struct sl_timer* timer)
{
	struct sl_engine* engine = context;
	struct sl_conn* conn = SL_OF(timer, struct sl_conn, timer);
	if (conn->state != SL_CONN_JOINED) {
		sl_dial_timeout(engine, conn);
		return;
	}
	double due_ms = conn->touched_ms + conn->policy->tcp_idle_ms;
	if (due_ms <= engine->now_ms)
		sl_conn_reset(engine, conn);
	else
		sl_timer_set(&engine->wheel, timer, (uint64_t)due_ms + 1);
}

int sl_conn_accept(struct sl_engine* engine, uint32_t listener, struct sl_group* group, int fd,
		   const struct sl_addr* client)
{
	struct sl_conn* conn = calloc(1, sizeof *conn);
	if (conn == NULL || sl_slot_take(engine, &conn->flow) != 0) {
		free(conn);
		close(fd);
		return -1;
	}
	conn->flow.listener = listener;
	conn->flow.client = *client;
	conn->flow.routed = routed;
	conn->policy = sl_policy_hold(engine->policy);
	conn->client.source = (struct sl_source){.fd = fd, .ready = client_ready};
	conn->client.readable = true;
	conn->endpoint.source = (struct sl_source){.fd = -1, .ready = endpoint_ready};
	conn->state = SL_CONN_ASKING;
	sl_list_init(&conn->flow.link);
	sl_list_init(&conn->ready);
	sl_list_init(&conn->in_group);
	sl_timer_init(&conn->timer, timer_fired);
	sl_list_push(&engine->connections, &conn->link);
	engine->connection_count++;
	sl_add(engine, SL_ACCEPTED, 1);
	sl_add(engine, SL_ACTIVE, 1);
	if (conn->policy->one_at_a_time)
		sl_group_join(engine, group, conn);
	else
		sl_conn_ask(engine, conn);
	return 0;
}

int sl_engine_destination(const struct sl_engine* engine, uint32_t slot, struct sl_addr* to)
{
	struct sl_flow* flow = slot < engine->slots.count ? engine->slots.flows[slot] : NULL;
	if (flow == NULL || flow->routed != routed)
		return -ENOENT;
	return sl_original_destination(SL_OF(flow, struct sl_conn, flow)->client.source.fd, to);
}

void sl_conn_ask(struct sl_engine* engine, struct sl_conn* conn)
{
	conn->state = SL_CONN_ASKING;
	sl_ask(engine, &conn->flow);
}

static void close_side(struct sl_engine* engine, struct sl_side* side, bool resets)
{
	if (side->rest.data != NULL)
		sl_rest_drop(&engine->buffers, &side->rest);
	if (side->source.fd < 0)
		return;
	if (resets) {
		if (side->watched)
			sl_unwatch(engine, side->source.fd);
		sl_close_reset(side->source.fd);
	} else {
		sl_close_soon(engine, side->source.fd);
	}
	side->source.fd = -1;
}

void sl_conn_over(struct sl_engine* engine, struct sl_conn* conn, enum sl_became became, bool resets)
{
	conn->state = SL_CONN_DEAD;
	close_side(engine, &conn->client, resets);
	close_side(engine, &conn->endpoint, resets);
	sl_timer_clear(&conn->timer);
	sl_list_remove(&conn->ready);
	sl_tell(engine, conn->flow.slot, became);
	sl_slot_give_back(engine, &conn->flow);
	sl_group_leave(engine, conn);
	sl_policy_release(conn->policy);
	sl_add(engine, SL_ACTIVE, -1);
	engine->connection_count--;
	sl_list_remove(&conn->link);
	sl_list_push(&engine->dead, &conn->link);
	sl_shortage_may_end(engine);
}

void sl_conn_reset(struct sl_engine* engine, struct sl_conn* conn)
{
	if (conn->flow.asking != SL_NOT_ASKING && !sl_ask_no_more(&conn->flow)) {
		conn->aborted = true;
		return;
	}
	if (conn->state == SL_CONN_JOINED)
		sl_add(engine, SL_RESETS, 1);
	sl_conn_over(engine, conn, SL_RESET, true);
}
