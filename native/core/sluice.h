/*
 * sluice.h - an engine: moves bytes between clients and endpoints, for one thread.
 *
 * It knows sockets and nothing of services. Once a turn it tells its router what became of flows and asks where new
 * ones go, all in one batch (exchange.h). Whoever embeds it calls sl_engine_turn() again and again, and waits there.
 *
 * Threads: an engine belongs to one thread. Nothing here locks.
 * Memory: what a flow needs is allocated when it begins; without memory nothing is accepted for a while (counted).
 * Signals: SIGPIPE is never raised.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include "counters.h"
#include "exchange.h"
#include "policy.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_engine;

struct sl_engine_options {
	double* counters;               /** SL_COUNTER_COUNT of them; borrowed */
	const double* clock_ms;         /** borrowed; read instead of the host's clock, for replays. NULL: the host's */
	struct sl_exchange* exchange;   /** borrowed */
	sl_router* router;
	void* context;                  /** of the router */
	uint32_t max_udp_flows;         /** when there would be more, the one used longest ago goes */
	uint32_t together_from;         /** so many calls go into the kernel together, where the host can; 0: never */
	struct sl_policy policy;        /** for flows that come before the first sl_engine_use() */
};

/** @return NULL with errno set. */
struct sl_engine* sl_engine_new(const struct sl_engine_options* options);

/** Closes all listeners, ends all flows, and tells the router so. It may be freed then, and nothing else. */
void sl_engine_stop(struct sl_engine* engine);

/**
 * Resets all connections and closes every descriptor. Tells the router nothing more, and leaves the counters as they
 * are: what was open when a thread died is for others to read there.
 */
void sl_engine_free(struct sl_engine* engine);

/**
 * Has turns end their waiting also when this descriptor becomes readable: whoever embeds the engine has something to do.
 *
 * @param fd: not closed before the engine is freed.
 * @return 0 or -errno.
 */
int sl_engine_watch_host(struct sl_engine* engine, int fd);

/** Whether that descriptor was readable at the last turn. */
bool sl_engine_host_is_called(const struct sl_engine* engine);

/** How long nothing has to be done unless a descriptor says so: 0 now, -1 for ever. */
int64_t sl_engine_wait_ms(struct sl_engine* engine);

/**
 * Waits until there is something to do, and does it.
 *
 * @param limit_ms: at most so long; 0: only what can be done now, -1: there is no limit.
 * @return how much there was: descriptors and flows.
 */
uint32_t sl_engine_turn(struct sl_engine* engine, int64_t limit_ms);

/**
 * Takes new flows from a socket that listens or is bound.
 *
 * @param fd: copied; the caller keeps its own, and with it whatever waits in the socket when this engine ends.
 * @param group: listeners of one group take turns where connections are served one at a time.
 * @return 0 or -errno.
 */
int sl_engine_listen(struct sl_engine* engine, uint32_t id, int fd, bool tcp, uint32_t group);

/** Ends a listener and the UDP flows that answer through it; connections go on, also those that were not accepted yet. */
void sl_engine_unlisten(struct sl_engine* engine, uint32_t id);

/** For flows that begin from now on. @return 0 or -ENOMEM. */
int sl_engine_use(struct sl_engine* engine, const struct sl_policy* policy);

/** While it holds, new flows are accepted and wait; changes do not. */
void sl_engine_hold(struct sl_engine* engine, bool hold);

/** Ends the UDP flow in a slot, if there is one. */
void sl_engine_expire(struct sl_engine* engine, uint32_t slot);

/** Ends all connections with a RST. @return how many. */
uint32_t sl_engine_reset_all(struct sl_engine* engine);

/**
 * Where the client of the TCP connection in a slot connected to, before a rule of the host redirected it.
 *
 * @return 0, -ENOENT when there is no such connection, or another -errno.
 */
int sl_engine_destination(const struct sl_engine* engine, uint32_t slot, struct sl_addr* to);

/** Connections that are open. */
uint32_t sl_engine_connections(const struct sl_engine* engine);

#endif /* SLUICE_H */
