/*
 * volley.h - what many connections have to do at once is done together: all that can be read is read with one entry
 * into the kernel, all of that written with another, and so with what else a turn has many of.
 *
 * Where few ask, or the host offers no ring, each does it by itself: to the same end.
 */
#ifndef SL_VOLLEY_H
#define SL_VOLLEY_H

#include "engine.h"

struct sl_conn;

/** Connections that wait in one queue; when it is full they go at once. */
#define SL_STIRRED 256

/** Connections that have something to move, or to dial, at the end of this round. */
struct sl_queue {
	struct sl_conn* conns[SL_STIRRED];
	uint32_t count;
};

struct sl_volley {
	struct sl_ring* ring;       /** NULL: each by itself */
	uint32_t from;              /** so many are needed for it to be worth it */
	char* slices;               /** what each direction reads into; NULL before the first time */
	struct sl_queue stirred;
	struct sl_queue dialling;
	int closing[SL_STIRRED];    /** descriptors that are closed at the end of the round */
	uint32_t closing_count;
};

/** @param from: 0: never together. @return NULL without memory. */
struct sl_volley* sl_volley_new(uint32_t from);
void sl_volley_free(struct sl_volley* volley);

/** Whether so many calls go together. */
static inline bool sl_together(const struct sl_volley* volley, uint32_t count)
{
	return volley->ring != NULL && count >= volley->from;
}

/** The connection has something to move, or to be watched for. */
void sl_stir(struct sl_engine* engine, struct sl_conn* conn);
/** Moves what those have that were stirred. */
void sl_volley(struct sl_engine* engine);

/** Closes a descriptor before the next events are asked for. */
void sl_close_soon(struct sl_engine* engine, int fd);
void sl_close_all(struct sl_engine* engine);

/** Counts what the ring has refused; one that does not answer is not used again. */
void sl_volley_settle(struct sl_engine* engine);

#endif /* SL_VOLLEY_H */
