/*
 * engine.h - an engine from the inside: what its listeners, connections and UDP flows share.
 */
#ifndef SL_ENGINE_H
#define SL_ENGINE_H

#include "buffers.h"
#include "list.h"
#include "sluice.h"
#include "wheel.h"

/** Bytes that one direction moves before others have their turn. */
#define SL_TURN_BYTES ((size_t)4 * SL_BUFFER_BYTES)
/** How long accepting rests when descriptors or memory have run out, and who waits for them asks again. */
#define SL_SHORTAGE_MS 50

/** A descriptor that epoll watches. */
struct sl_source {
	int fd;                                                              /** -1: closed */
	void (*ready)(struct sl_engine* engine, struct sl_source* source, uint32_t events);
};

enum sl_asking {
	SL_NOT_ASKING,
	SL_WAITING,      /** for the end of the turn, or for the release */
	SL_BEING_ROUTED  /** the router is looking at it right now */
};

/** What a connection and a UDP flow have in common. */
struct sl_flow {
	struct sl_link link;       /** in the queue of those that ask */
	enum sl_asking asking;
	uint32_t slot;
	uint32_t listener;
	uint32_t attempt;
	struct sl_addr client;
	void (*routed)(struct sl_engine* engine, struct sl_flow* flow, const struct sl_route* route);
	void (*expire)(struct sl_engine* engine, struct sl_flow* flow); /** NULL: it ends by itself */
};

/** Small numbers for flows, the one given back last first. */
struct sl_slots {
	struct sl_flow** flows;    /** by slot; NULL where it is free */
	uint32_t* free;            /** a stack */
	uint32_t free_count;
	uint32_t count;            /** slots so far */
	uint32_t capacity;
};

struct sl_changes {
	struct sl_change* list;
	size_t count;
	size_t capacity;
};

struct sl_udp;
struct sl_volley;

struct sl_engine {
	struct sl_engine_options options;
	int epoll;
	double now_ms;               /** when this turn began */
	struct sl_policy* policy;
	struct sl_wheel wheel;
	struct sl_buffers buffers;
	struct sl_slots slots;
	struct sl_changes changes;   /** not told yet */
	struct sl_link asking;       /** flows that wait for the router */
	struct sl_link listeners;
	struct sl_link groups;
	struct sl_link connections;
	struct sl_link ready;        /** connections whose budget was spent */
	struct sl_link starving;     /** connections that wait for a descriptor */
	struct sl_link dead;         /** freed when no event of this turn can name them any more */
	struct sl_timer shortage;    /** set while accepting rests */
	struct sl_timer slow;        /** set while a connection may hold more memory than it needs */
	struct sl_udp* udp;
	struct sl_volley* volley;    /** calls that are made together */
	struct sl_source host;       /** of whoever embeds it; borrowed */
	bool host_is_called;         /** it was readable at this turn */
	uint32_t connection_count;
	bool held;
	bool mute;                   /** the router does not answer any more */
};

/* slots.c */

/** Gives a flow a number. @return 0, or -1 without memory. */
int sl_slot_take(struct sl_engine* engine, struct sl_flow* flow);
void sl_slot_give_back(struct sl_engine* engine, struct sl_flow* flow);

/* routing.c */

void sl_ask(struct sl_engine* engine, struct sl_flow* flow);
/** Takes a flow out of the queue of those that ask. @return false: the router is looking at it, so it must stay. */
bool sl_ask_no_more(struct sl_flow* flow);
/** Makes room for all that so many flows can have to be told, beside what waits. @return 0, or -1 without memory. */
int sl_tell_reserve(struct sl_engine* engine, uint32_t flows);
/** There is room for it: a flow tells at most twice, and was reserved for when it got its slot. */
void sl_tell(struct sl_engine* engine, uint32_t slot, enum sl_became became);
/** Tells and asks the router once, and carries out its routes. */
void sl_route_batch(struct sl_engine* engine);
bool sl_has_news(const struct sl_engine* engine);

/* watch.c */

/** @return 0 or -errno. */
int sl_watch(struct sl_engine* engine, struct sl_source* source, uint32_t events);
/**
 * Before a descriptor is closed: a process that is being started may have a copy of it, and what epoll watches lives as
 * long as any. Nothing happens for one that is not watched.
 */
void sl_unwatch(struct sl_engine* engine, int fd);
/** When something is due that begins now. */
uint64_t sl_due_ms(const struct sl_engine* engine, uint32_t wait_ms);

/* shortage.c */

/** Stops accepting for a while, and counts that. */
void sl_shortage_begins(struct sl_engine* engine);
/** A descriptor was given back: whoever waits for one may have it at the end of the turn. */
void sl_shortage_may_end(struct sl_engine* engine);
void sl_shortage_over(void* engine, struct sl_timer* timer);

/* slow.c */

/** A large buffer is held for one who does not read: for long only as much of it as holds something. */
void sl_slow_begins(struct sl_engine* engine);
void sl_slow_due(void* engine, struct sl_timer* timer);

static inline void sl_add(struct sl_engine* engine, enum sl_counter which, double amount)
{
	sl_count(engine->options.counters, which, amount);
}

#endif /* SL_ENGINE_H */
