#include "conn.h"

#include "proxy-protocol.h"
#include "sockets.h"
#include "volley.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum moved {
	WAITS,   /** for one of the sockets */
	YIELDS,  /** there is more, and others have their turn first */
	ENDED,   /** all is delivered, and no more will come */
	FAILED
};

static void start_closing(struct sl_engine* engine, struct sl_conn* conn)
{
	if (!conn->closing)
		sl_tell(engine, conn->flow.slot, SL_CLOSING);
	conn->closing = true;
}

void sl_conn_fail(struct sl_engine* engine, struct sl_conn* conn)
{
	start_closing(engine, conn);
	sl_add(engine, SL_RESETS, 1);
	sl_conn_over(engine, conn, SL_RESET, !conn->policy->closes_both);
}

int sl_want_out(struct sl_engine* engine, struct sl_side* side)
{
	side->writable = false;
	if (side->watches_out)
		return 0;
	struct epoll_event event = {.events = SL_SIDE_EVENTS | EPOLLOUT, .data.ptr = &side->source};
	side->watches_out = true;
	if (epoll_ctl(engine->epoll, EPOLL_CTL_MOD, side->source.fd, &event) == 0)
		return 0;
	/* Not watched at all yet: then it will be, for this too. */
	return errno == ENOENT ? 0 : -1;
}

void sl_before_write(struct sl_side* to, size_t length)
{
	if (to->delays && (to->wrote || length > SL_ONE_SEGMENT_BYTES)) {
		sl_set_no_delay(to->source.fd);
		to->delays = false;
	}
	to->wrote = true;
}

/** @param flags: MSG_MORE where the end follows at once, and can travel with the last bytes. */
static ssize_t write_some(struct sl_side* to, const char* data, size_t length, int flags)
{
	ssize_t sent;
	sl_before_write(to, length);
	do {
		sent = send(to->source.fd, data, length, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static ssize_t read_some(int fd, char* data)
{
	ssize_t got;
	do {
		got = recv(fd, data, SL_BUFFER_BYTES, 0);
	} while (got < 0 && errno == EINTR);
	return got;
}

/** Writes what is left from before. */
static enum moved move_rest(struct sl_engine* engine, struct sl_side* from, struct sl_side* to)
{
	struct sl_rest* rest = &from->rest;
	if (!to->writable)
		return WAITS;
	ssize_t sent = write_some(to, rest->data + rest->at, rest->end - rest->at, from->ended ? MSG_MORE : 0);
	if (sent < 0)
		return FAILED;
	rest->at += (size_t)sent;
	if (rest->at < rest->end)
		return sl_want_out(engine, to) == 0 ? WAITS : FAILED;
	sl_rest_drop(&engine->buffers, rest);
	return YIELDS;
}

void sl_side_read(struct sl_side* from, size_t got, size_t room)
{
	from->bulk = got == room;
	if (from->bulk)
		return;
	/* Less than there was room for is all there is. Epoll tells of more; unless it has told of the end already. */
	bool all = !from->broken && !from->urgent;
	from->readable = got > 0 && !all;
	from->ended = got == 0 || (from->hung_up && all);
}

void sl_moved(struct sl_engine* engine, struct sl_conn* conn, const struct sl_side* from, size_t bytes)
{
	sl_add(engine, from == &conn->client ? SL_BYTES_TO_ENDPOINTS : SL_BYTES_TO_CLIENTS, (double)bytes);
	conn->touched_ms = engine->now_ms;
}

/** Reads once and writes what came. @param moved: bytes read are added. */
static enum moved move_once(struct sl_engine* engine, struct sl_side* from, struct sl_side* to, size_t* moved)
{
	char* buffer = sl_buffers_current(&engine->buffers);
	if (buffer == NULL)
		return FAILED;
	ssize_t got = read_some(from->source.fd, buffer);
	if (got < 0) {
		from->readable = false;
		return errno == EAGAIN ? WAITS : FAILED;
	}
	sl_side_read(from, (size_t)got, SL_BUFFER_BYTES);
	if (got == 0)
		return ENDED;
	*moved += (size_t)got;
	ssize_t sent = write_some(to, buffer, (size_t)got, from->ended ? MSG_MORE : 0);
	if (sent < 0)
		return FAILED;
	if (sent == got)
		return YIELDS;
	if (sl_rest_keep(&engine->buffers, &from->rest, (size_t)sent, (size_t)got) != 0)
		return FAILED;
	if (from->rest.large)
		sl_slow_begins(engine);
	return sl_want_out(engine, to) == 0 ? WAITS : FAILED;
}

/** Moves what one side sends to the other, as far as it goes. */
static enum moved move(struct sl_engine* engine, struct sl_side* from, struct sl_side* to, size_t* moved)
{
	while (from->rest.data != NULL) {
		enum moved next = move_rest(engine, from, to);
		if (next != YIELDS)
			return next;
	}
	while (!from->ended) {
		if (!from->readable)
			return WAITS;
		if (*moved >= SL_TURN_BYTES)
			return YIELDS;
		enum moved next = move_once(engine, from, to, moved);
		if (next != YIELDS)
			return next;
	}
	return ENDED;
}

/** Takes the end of one side to the other. @return false when the connection is over. */
static bool pass_end(struct sl_engine* engine, struct sl_conn* conn, struct sl_side* to)
{
	start_closing(engine, conn);
	bool all = to->ended && to->rest.data == NULL;
	if (all || conn->policy->closes_both) {
		sl_conn_over(engine, conn, SL_CLOSED, false);
		return false;
	}
	if (to->shut)
		return true;
	to->shut = true;
	if (shutdown(to->source.fd, SHUT_WR) == 0)
		return true;
	sl_conn_fail(engine, conn);
	return false;
}

/** @return false when the connection is over. */
static bool pump_one_way(struct sl_engine* engine, struct sl_conn* conn, struct sl_side* from, struct sl_side* to)
{
	size_t moved = 0;
	enum moved next = move(engine, from, to, &moved);
	if (moved > 0)
		sl_moved(engine, conn, from, moved);
	if (from->ended)
		start_closing(engine, conn);
	switch (next) {
	case FAILED:
		sl_conn_fail(engine, conn);
		return false;
	case ENDED:
		return pass_end(engine, conn, to);
	case YIELDS:
		if (sl_list_empty(&conn->ready))
			sl_list_push(&engine->ready, &conn->ready);
		return true;
	default:
		return true;
	}
}

/** Whether there is an error behind all that could be read. */
static bool is_broken(const struct sl_side* side)
{
	return side->broken && (side->ended || side->rest.data != NULL || !side->readable);
}

void sl_pump(struct sl_engine* engine, struct sl_conn* conn)
{
	if (conn->client.failed || conn->endpoint.failed) {
		sl_conn_fail(engine, conn);
		return;
	}
	if (!pump_one_way(engine, conn, &conn->client, &conn->endpoint))
		return;
	if (!pump_one_way(engine, conn, &conn->endpoint, &conn->client))
		return;
	if (is_broken(&conn->client) || is_broken(&conn->endpoint))
		sl_conn_fail(engine, conn);
}

void sl_side_event(struct sl_side* side, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		side->readable = true;
	if ((events & EPOLLPRI) && !side->urgent) {
		side->urgent = true;
		sl_take_urgent(side->source.fd);
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		side->hung_up = true;
	if (events & EPOLLERR)
		side->broken = true;
	if (events & EPOLLOUT)
		side->writable = true;
}

/** Puts the PROXY header before all that the client says. */
static int greet(struct sl_conn* conn)
{
	struct sl_addr to;
	struct sl_rest* rest = &conn->client.rest;
	if (sl_original_destination(conn->client.source.fd, &to) != 0)
		return -1;
	rest->data = malloc(SL_PROXY_BYTES);
	if (rest->data == NULL)
		return -1;
	rest->end = sl_proxy_header(rest->data, conn->policy->proxy_protocol, &conn->flow.client, &to);
	return 0;
}

void sl_join(struct sl_engine* engine, struct sl_conn* conn)
{
	conn->state = SL_CONN_JOINED;
	conn->touched_ms = engine->now_ms;
	conn->client.writable = true;
	conn->endpoint.writable = true;
	conn->endpoint.delays = true;
	if (conn->client.rest.data != NULL)
		sl_moved(engine, conn, &conn->client, conn->client.rest.end);
	if (conn->policy->tcp_idle_ms > 0)
		sl_timer_set(&engine->wheel, &conn->timer, sl_due_ms(engine, conn->policy->tcp_idle_ms));
	sl_group_leave(engine, conn);
	if (conn->policy->proxy_protocol > 0 && greet(conn) != 0) {
		sl_conn_fail(engine, conn);
		return;
	}
	/* Most clients speak at once: what they said is on its way before epoll has to know. */
	sl_stir(engine, conn);
}
