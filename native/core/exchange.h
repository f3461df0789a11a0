/*
 * exchange.h - what an engine and its router say to each other, once a turn, in memory that both see.
 */
#ifndef SL_EXCHANGE_H
#define SL_EXCHANGE_H

#include "addr.h"

#define SL_BATCH 256

/** What became of a flow that was forwarded. */
enum sl_became { SL_CLOSING, SL_CLOSED, SL_RESET, SL_EXPIRED };

enum sl_verdict {
	SL_FORWARD,
	SL_REFUSE,  /** answer as the policy says */
	SL_DISCARD  /** take what comes and answer nothing */
};

struct sl_change {
	uint32_t slot;
	uint32_t became; /** enum sl_became */
};

/** A flow that asks for an endpoint. */
struct sl_ask {
	uint32_t slot;          /** small; given to another flow after this one has ended */
	uint32_t listener;
	uint32_t attempt;       /** 0 at first; n for the n-th further try */
	struct sl_addr client;
};

struct sl_route {
	uint32_t verdict;       /** enum sl_verdict */
	struct sl_addr to;      /** of SL_FORWARD */
};

/** Words of 32 bits throughout, so that the other side may see one array of them. */
struct sl_exchange {
	struct sl_change changes[SL_BATCH];
	struct sl_ask asks[SL_BATCH];
	struct sl_route routes[SL_BATCH];
};

/**
 * Takes a batch: notes the changes first, then writes one route for each ask.
 *
 * It may call sl_engine_expire(), sl_engine_unlisten() and the like, but not sl_engine_free().
 *
 * @return false when it cannot answer any more: nothing is routed from then on.
 */
typedef bool sl_router(void* context, uint32_t changes, uint32_t asks);

#endif /* SL_EXCHANGE_H */
