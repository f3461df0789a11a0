#include "conn.h"
#include "listener.h"
#include "udp.h"
#include "volley.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/** Events of one turn. */
#define EVENTS 256
/** Batches a turn: what an endpoint's refusal asks again comes after what others want. */
#define ROUNDS 8

static double read_clock(const struct sl_engine* engine)
{
	if (engine->options.clock_ms != NULL) {
		double now;
		__atomic_load(engine->options.clock_ms, &now, __ATOMIC_RELAXED);
		return now;
	}
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void init_lists(struct sl_engine* engine)
{
	sl_list_init(&engine->asking);
	sl_list_init(&engine->listeners);
	sl_list_init(&engine->groups);
	sl_list_init(&engine->connections);
	sl_list_init(&engine->ready);
	sl_list_init(&engine->starving);
	sl_list_init(&engine->dead);
}

struct sl_engine* sl_engine_new(const struct sl_engine_options* options)
{
	struct sl_engine* engine = calloc(1, sizeof *engine);
	if (engine == NULL)
		return NULL;
	init_lists(engine);
	engine->options = *options;
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	int failure = engine->epoll < 0 ? errno : ENOMEM;
	engine->policy = sl_policy_new(&options->policy);
	engine->udp = sl_udp_new(options->max_udp_flows);
	engine->volley = sl_volley_new(options->together_from);
	if (engine->epoll < 0 || engine->policy == NULL || engine->udp == NULL || engine->volley == NULL) {
		if (engine->udp != NULL)
			sl_udp_free(engine);
		if (engine->volley != NULL)
			sl_volley_free(engine->volley);
		if (engine->policy != NULL)
			sl_policy_release(engine->policy);
		if (engine->epoll >= 0)
			close(engine->epoll);
		free(engine);
		errno = failure;
		return NULL;
	}
	engine->now_ms = read_clock(engine);
	sl_wheel_init(&engine->wheel, (uint64_t)engine->now_ms);
	sl_timer_init(&engine->shortage, sl_shortage_over);
	sl_timer_init(&engine->slow, sl_slow_due);
	return engine;
}

static void bury(struct sl_engine* engine)
{
	struct sl_link* link;
	while ((link = sl_list_shift(&engine->dead)) != NULL)
		free(SL_OF(link, struct sl_conn, link));
	sl_udp_bury(engine);
}

void sl_engine_stop(struct sl_engine* engine)
{
	engine->held = true;
	while (!sl_list_empty(&engine->listeners))
		sl_listener_close(engine, SL_OF(engine->listeners.next, struct sl_listener, link));
	sl_engine_reset_all(engine);
	while (sl_has_news(engine))
		sl_route_batch(engine);
	sl_close_all(engine);
}

void sl_engine_free(struct sl_engine* engine)
{
	double nowhere[SL_COUNTER_COUNT] = {0};
	engine->mute = true;
	engine->options.counters = nowhere;
	sl_engine_stop(engine);
	bury(engine);
	sl_udp_free(engine);
	sl_volley_free(engine->volley);
	sl_buffers_free(&engine->buffers);
	sl_policy_release(engine->policy);
	free(engine->slots.flows);
	free(engine->slots.free);
	free(engine->changes.list);
	close(engine->epoll);
	free(engine);
}

static void host_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events)
{
	(void)source;
	(void)events;
	engine->host_is_called = true;
}

int sl_engine_watch_host(struct sl_engine* engine, int fd)
{
	engine->host = (struct sl_source){.fd = fd, .ready = host_ready};
	return sl_watch(engine, &engine->host, EPOLLIN);
}

bool sl_engine_host_is_called(const struct sl_engine* engine)
{
	return engine->host_is_called;
}

int64_t sl_engine_wait_ms(struct sl_engine* engine)
{
	if (!sl_list_empty(&engine->ready) || sl_has_news(engine))
		return 0;
	uint64_t next_ms = sl_wheel_next(&engine->wheel);
	if (next_ms == UINT64_MAX)
		return -1;
	double wait_ms = (double)next_ms - read_clock(engine);
	return wait_ms <= 0 ? 0 : (int64_t)wait_ms + 1;
}

/** Goes on with those whose budget was spent. */
static uint32_t serve_ready(struct sl_engine* engine)
{
	struct sl_link ready;
	struct sl_link* link;
	uint32_t count = 0;
	sl_list_init(&ready);
	sl_list_splice(&ready, &engine->ready);
	for (; (link = sl_list_shift(&ready)) != NULL; count++)
		sl_pump(engine, SL_OF(link, struct sl_conn, ready));
	return count;
}

/** @return how long the next turn waits: as long as nothing is due, within the limit. */
static int waiting_ms(struct sl_engine* engine, int64_t limit_ms)
{
	if (limit_ms == 0)
		return 0;
	int64_t wait_ms = sl_engine_wait_ms(engine);
	if (wait_ms < 0 || (limit_ms > 0 && limit_ms < wait_ms))
		wait_ms = limit_ms;
	return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

uint32_t sl_engine_turn(struct sl_engine* engine, int64_t limit_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(engine->epoll, events, EVENTS, waiting_ms(engine, limit_ms));
	engine->now_ms = read_clock(engine);
	engine->host_is_called = false;
	uint32_t done = serve_ready(engine);
	for (int at = 0; at < count; at++) {
		struct sl_source* source = events[at].data.ptr;
		source->ready(engine, source, events[at].events);
	}
	sl_volley(engine);
	sl_udp_answer(engine);
	sl_udp_flush(engine);
	sl_close_all(engine);
	sl_wheel_advance(&engine->wheel, (uint64_t)engine->now_ms, engine);
	done += (count > 0 ? (uint32_t)count : 0) - engine->host_is_called + sl_has_news(engine);
	sl_dial_all(engine);
	for (int round = 0; round < ROUNDS && sl_has_news(engine); round++) {
		sl_route_batch(engine);
		sl_dial_all(engine);
	}
	sl_volley(engine);
	sl_close_all(engine);
	sl_volley_settle(engine);
	bury(engine);
	return done;
}

int sl_engine_use(struct sl_engine* engine, const struct sl_policy* policy)
{
	struct sl_policy* next = sl_policy_new(policy);
	if (next == NULL)
		return -ENOMEM;
	sl_policy_release(engine->policy);
	engine->policy = next;
	return 0;
}

void sl_engine_hold(struct sl_engine* engine, bool hold)
{
	engine->held = hold;
}

void sl_engine_expire(struct sl_engine* engine, uint32_t slot)
{
	if (slot >= engine->slots.count)
		return;
	struct sl_flow* flow = engine->slots.flows[slot];
	if (flow != NULL && flow->expire != NULL)
		flow->expire(engine, flow);
}

uint32_t sl_engine_reset_all(struct sl_engine* engine)
{
	uint32_t count = engine->connection_count;
	struct sl_link all;
	struct sl_link* link;
	sl_list_init(&all);
	sl_list_splice(&all, &engine->connections);
	while ((link = sl_list_shift(&all)) != NULL) {
		/* One that the router is looking at stays, and ends when it has answered. */
		sl_list_push(&engine->connections, link);
		sl_conn_reset(engine, SL_OF(link, struct sl_conn, link));
	}
	return count;
}

uint32_t sl_engine_connections(const struct sl_engine* engine)
{
	return engine->connection_count;
}
