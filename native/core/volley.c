#include "volley.h"

#include "conn.h"
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/** Directions of one volley. */
#define WAYS 64
/** What a direction may read in a volley. One that has more is bulk, and goes through the large buffer. */
#define SLICE_BYTES ((size_t)16 * 1024)
/** A cache line more: else all first bytes would share one set of the cache. */
#define STRIDE_BYTES (SLICE_BYTES + 64)

/** One direction of a connection. */
struct way {
	struct sl_conn* conn;
	struct sl_side* from;
	struct sl_side* to;
	char* data;
	size_t got;
};

struct sl_volley* sl_volley_new(uint32_t from)
{
	struct sl_volley* volley = calloc(1, sizeof *volley);
	if (volley == NULL)
		return NULL;
	volley->from = from;
	volley->ring = from > 0 ? sl_ring_new() : NULL;
	return volley;
}

void sl_volley_free(struct sl_volley* volley)
{
	if (volley->ring != NULL)
		sl_ring_free(volley->ring);
	free(volley->slices);
	free(volley);
}

void sl_stir(struct sl_engine* engine, struct sl_conn* conn)
{
	struct sl_queue* stirred = &engine->volley->stirred;
	if (conn->stirred)
		return;
	if (stirred->count == SL_STIRRED)
		sl_volley(engine);
	conn->stirred = true;
	stirred->conns[stirred->count++] = conn;
}

static void add_way(struct way* ways, uint32_t* count, struct sl_conn* conn, struct sl_side* from, struct sl_side* to)
{
	if (from->readable && to->writable && !from->ended && !from->bulk && from->rest.data == NULL)
		ways[(*count)++] = (struct way){.conn = conn, .from = from, .to = to};
}

/** Notes what came. @return whether there is something to write. */
static bool was_read(struct way* way, int32_t got)
{
	struct sl_side* from = way->from;
	if (got == SL_NOT_MADE || got == -EINTR)
		return false;
	if (got == -EAGAIN)
		from->readable = false;
	else if (got < 0)
		from->failed = true;
	else
		sl_side_read(from, (size_t)got, SLICE_BYTES);
	way->got = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static void was_written(struct sl_engine* engine, struct way* way, int32_t result)
{
	size_t sent = result > 0 ? (size_t)result : 0;
	bool waits = result >= 0 || result == -EAGAIN || result == -EINTR || result == SL_NOT_MADE;
	sl_moved(engine, way->conn, way->from, way->got);
	if (sent == way->got)
		return;
	if (!waits || sl_rest_copy(&way->from->rest, way->data + sent, way->got - sent) != 0 ||
	    (result != SL_NOT_MADE && result != -EINTR && sl_want_out(engine, way->to) != 0))
		way->to->failed = true;
}

static void read_all(struct sl_volley* volley, struct way* ways, uint32_t count)
{
	for (uint32_t at = 0; at < count; at++) {
		ways[at].data = volley->slices + at * STRIDE_BYTES;
		sl_ring_recv(volley->ring, ways[at].from->source.fd, ways[at].data, SLICE_BYTES);
	}
}

/** Reads for all, then writes for all. What is left to do of each is left to sl_pump(). */
static void move_together(struct sl_engine* engine, struct way* ways, uint32_t count)
{
	struct sl_volley* volley = engine->volley;
	uint32_t writing = 0;
	if (volley->slices == NULL)
		volley->slices = malloc(WAYS * STRIDE_BYTES);
	if (volley->slices == NULL || count == 0)
		return;
	read_all(volley, ways, count);
	const int32_t* results = sl_ring_run(volley->ring);
	for (uint32_t at = 0; at < count; at++)
		if (was_read(&ways[at], results[at]))
			ways[writing++] = ways[at];
	for (uint32_t at = 0; at < writing; at++) {
		struct way* way = &ways[at];
		sl_before_write(way->to, way->got);
		sl_ring_send(volley->ring, way->to->source.fd, way->data, way->got, way->from->ended ? MSG_MORE : 0);
	}
	if (writing > 0)
		results = sl_ring_run(volley->ring);
	for (uint32_t at = 0; at < writing; at++)
		was_written(engine, &ways[at], results[at]);
}

static void move_stirred(struct sl_engine* engine, const struct sl_queue* stirred)
{
	struct way ways[WAYS];
	uint32_t count = 0;
	for (uint32_t at = 0; at < stirred->count; at++) {
		struct sl_conn* conn = stirred->conns[at];
		if (conn->state != SL_CONN_JOINED)
			continue;
		if (count > WAYS - 2) {
			move_together(engine, ways, count);
			count = 0;
		}
		add_way(ways, &count, conn, &conn->client, &conn->endpoint);
		add_way(ways, &count, conn, &conn->endpoint, &conn->client);
	}
	move_together(engine, ways, count);
}

static bool needs_watch(const struct sl_conn* conn, const struct sl_side* side)
{
	return conn->state == SL_CONN_JOINED && !side->watched;
}

static uint32_t events_of(const struct sl_side* side)
{
	return SL_SIDE_EVENTS | (side->watches_out ? EPOLLOUT : 0);
}

static void watch_alone(struct sl_engine* engine, struct sl_conn* conn, struct sl_side* side)
{
	if (!needs_watch(conn, side))
		return;
	side->watched = sl_watch(engine, &side->source, events_of(side)) == 0;
	if (!side->watched)
		sl_conn_fail(engine, conn);
}

/** Has epoll watch what it does not yet; what does not work together is tried alone. */
static void watch_together(struct sl_engine* engine, struct sl_conn** conns, uint32_t count)
{
	struct epoll_event events[SL_RING_CALLS];
	struct sl_side* sides[SL_RING_CALLS];
	uint32_t noted = 0;
	for (uint32_t at = 0; at < count; at++) {
		struct sl_side* both[2] = {&conns[at]->client, &conns[at]->endpoint};
		for (int which = 0; which < 2; which++) {
			if (!needs_watch(conns[at], both[which]))
				continue;
			sides[noted] = both[which];
			events[noted] = (struct epoll_event){.events = events_of(both[which]), .data.ptr = &both[which]->source};
			sl_ring_watch(engine->volley->ring, engine->epoll, both[which]->source.fd, &events[noted]);
			noted++;
		}
	}
	if (noted == 0)
		return;
	const int32_t* results = sl_ring_run(engine->volley->ring);
	for (uint32_t at = 0; at < noted; at++)
		sides[at]->watched = results[at] == 0;
}

void sl_volley(struct sl_engine* engine)
{
	struct sl_volley* volley = engine->volley;
	struct sl_queue* stirred = &volley->stirred;
	bool all = sl_together(volley, stirred->count);
	if (all)
		move_stirred(engine, stirred);
	for (uint32_t at = 0; at < stirred->count; at++) {
		struct sl_conn* conn = stirred->conns[at];
		conn->stirred = false;
		/* One that has spent its budget in this turn goes on in the next. */
		if (conn->state == SL_CONN_JOINED && sl_list_empty(&conn->ready))
			sl_pump(engine, conn);
	}
	for (uint32_t at = 0; all && at < stirred->count; at += SL_RING_CALLS / 2) {
		uint32_t left = stirred->count - at;
		watch_together(engine, stirred->conns + at, left < SL_RING_CALLS / 2 ? left : SL_RING_CALLS / 2);
	}
	for (uint32_t at = 0; at < stirred->count; at++) {
		watch_alone(engine, stirred->conns[at], &stirred->conns[at]->client);
		watch_alone(engine, stirred->conns[at], &stirred->conns[at]->endpoint);
	}
	stirred->count = 0;
}

static void close_alone(struct sl_engine* engine, int fd)
{
	sl_unwatch(engine, fd);
	close(fd);
}

void sl_close_soon(struct sl_engine* engine, int fd)
{
	struct sl_volley* volley = engine->volley;
	if (volley->ring == NULL) {
		close_alone(engine, fd);
		return;
	}
	if (volley->closing_count == SL_STIRRED)
		sl_close_all(engine);
	volley->closing[volley->closing_count++] = fd;
}

static void close_together(struct sl_engine* engine, const int* fds, uint32_t count)
{
	struct sl_ring* ring = engine->volley->ring;
	for (uint32_t at = 0; at < count; at++) {
		sl_ring_unwatch(ring, engine->epoll, fds[at]);
		sl_ring_close(ring, fds[at]);
	}
	const int32_t* results = sl_ring_run(ring);
	for (uint32_t at = 0; at < count; at++)
		if (results[at * 2 + 1] == SL_NOT_MADE)
			close_alone(engine, fds[at]);
}

void sl_close_all(struct sl_engine* engine)
{
	struct sl_volley* volley = engine->volley;
	uint32_t count = volley->closing_count;
	bool together = sl_together(volley, count);
	volley->closing_count = 0;
	for (uint32_t at = 0; together && at < count; at += SL_RING_CALLS / 2) {
		uint32_t left = count - at;
		close_together(engine, volley->closing + at, left < SL_RING_CALLS / 2 ? left : SL_RING_CALLS / 2);
	}
	for (uint32_t at = 0; !together && at < count; at++)
		close_alone(engine, volley->closing[at]);
}

void sl_volley_settle(struct sl_engine* engine)
{
	struct sl_volley* volley = engine->volley;
	if (volley->ring == NULL)
		return;
	uint32_t refused = sl_ring_refused(volley->ring);
	if (refused > 0)
		sl_add(engine, SL_CALLS_REFUSED, refused);
	if (!sl_ring_is_broken(volley->ring))
		return;
	sl_ring_free(volley->ring);
	volley->ring = NULL;
}
