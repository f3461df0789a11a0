/*
 * listener.h - sockets that take new flows.
 */
#ifndef SL_LISTENER_H
#define SL_LISTENER_H

#include "engine.h"
#include "group.h"

struct sl_listener {
	struct sl_source source;   /** owned: a copy of the host's */
	struct sl_link link;       /** of all listeners */
	uint32_t id;
	bool tcp;
	bool watched;
	bool any_address;          /** bound to all addresses: answers have to name theirs */
	struct sl_group* group;    /** held */
};

/** Takes listeners out of epoll while descriptors or memory are short, but for those of UDP; or puts all back. */
void sl_listeners_watch(struct sl_engine* engine, bool watch);
/** Takes one out of epoll, which cannot be read for a shortage. */
void sl_listener_rests(struct sl_engine* engine, struct sl_listener* listener);

/** Closes and frees it; never called while events of a turn are being served. */
void sl_listener_close(struct sl_engine* engine, struct sl_listener* listener);

#endif /* SL_LISTENER_H */
