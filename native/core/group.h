/*
 * group.h - listeners whose connections are served one at a time: the next one asks when the one before has reached
 * its endpoint, or never will.
 */
#ifndef SL_GROUP_H
#define SL_GROUP_H

#include "list.h"

#include <stdint.h>

struct sl_engine;
struct sl_conn;

struct sl_group {
	struct sl_link link;       /** of all groups of an engine */
	uint32_t id;
	uint32_t users;            /** listeners, and connections in line */
	struct sl_link waiting;    /** connections, the first one is being served */
};

/** The group of this number, made on first use. @return NULL without memory. */
struct sl_group* sl_group_hold(struct sl_engine* engine, uint32_t id);
void sl_group_release(struct sl_group* group);

/** Puts a connection in line; it asks for its route as soon as it is first. */
void sl_group_join(struct sl_engine* engine, struct sl_group* group, struct sl_conn* conn);

/** Takes a connection out of the line it stands in, if any; the next one asks. */
void sl_group_leave(struct sl_engine* engine, struct sl_conn* conn);

#endif /* SL_GROUP_H */
