/*
 * wheel.h - many timers, set and cleared in O(1): a hierarchical timing wheel with a bit for each slot that is in use,
 * so that the time of the next event is found without walking.
 *
 * Memory: nothing here allocates; a timer lies in what it is for.
 * Time is in whole milliseconds, of whatever clock the caller has. A timer never fires early.
 *
 * Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7.
 */
#ifndef SL_WHEEL_H
#define SL_WHEEL_H

#include "list.h"

#include <stdint.h>

#define SL_WHEEL_LEVELS 6
#define SL_WHEEL_BITS 6
#define SL_WHEEL_SLOTS (1 << SL_WHEEL_BITS)

struct sl_timer {
	struct sl_link link;                             /** in a slot, or alone */
	uint64_t due_ms;                                 /** when it fires */
	void (*fire)(void* context, struct sl_timer* timer); /** called once it has left the wheel; may set it again */
};

struct sl_wheel {
	uint64_t now_ms;                                 /** everything due until here has fired */
	uint64_t used[SL_WHEEL_LEVELS];                  /** a bit a slot: it may hold timers */
	struct sl_link slots[SL_WHEEL_LEVELS][SL_WHEEL_SLOTS];
};

void sl_wheel_init(struct sl_wheel* wheel, uint64_t now_ms);

/** @param fire: called with the context of sl_wheel_advance(). */
void sl_timer_init(struct sl_timer* timer, void (*fire)(void* context, struct sl_timer* timer));

/** Sets a timer, from wherever it stood. One that is due already fires at the next advance. */
void sl_timer_set(struct sl_wheel* wheel, struct sl_timer* timer, uint64_t due_ms);

/** Nothing happens to a timer that is not set. */
void sl_timer_clear(struct sl_timer* timer);

/** Fires what is due until now, in order of slots. Time does not go back: an earlier now is taken for the last one. */
void sl_wheel_advance(struct sl_wheel* wheel, uint64_t now_ms, void* context);

/** @return when to advance next, at the latest; UINT64_MAX when no timer is set. */
uint64_t sl_wheel_next(const struct sl_wheel* wheel);

#endif /* SL_WHEEL_H */
