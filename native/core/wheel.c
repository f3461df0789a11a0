#include "wheel.h"

#define MASK (SL_WHEEL_SLOTS - 1)
/** Longer waits stop here on the way: 2^36 ms are two years. */
#define HORIZON_MS ((UINT64_C(1) << (SL_WHEEL_LEVELS * SL_WHEEL_BITS)) - 1)

void sl_wheel_init(struct sl_wheel* wheel, uint64_t now_ms)
{
	wheel->now_ms = now_ms;
	for (int level = 0; level < SL_WHEEL_LEVELS; level++) {
		wheel->used[level] = 0;
		for (int slot = 0; slot < SL_WHEEL_SLOTS; slot++)
			sl_list_init(&wheel->slots[level][slot]);
	}
}

void sl_timer_init(struct sl_timer* timer, void (*fire)(void* context, struct sl_timer* timer))
{
	sl_list_init(&timer->link);
	timer->due_ms = 0;
	timer->fire = fire;
}

static int level_of(uint64_t wait_ms)
{
	int highest_bit = 63 - __builtin_clzll(wait_ms | 1);
	return highest_bit / SL_WHEEL_BITS;
}

void sl_timer_set(struct sl_wheel* wheel, struct sl_timer* timer, uint64_t due_ms)
{
	sl_list_remove(&timer->link);
	timer->due_ms = due_ms;
	/* The slot of this very millisecond has been served. */
	uint64_t at_ms = due_ms > wheel->now_ms ? due_ms : wheel->now_ms + 1;
	if (at_ms - wheel->now_ms > HORIZON_MS)
		at_ms = wheel->now_ms + HORIZON_MS;
	int level = level_of(at_ms - wheel->now_ms);
	uint64_t slot = (at_ms >> (level * SL_WHEEL_BITS)) & MASK;
	sl_list_push(&wheel->slots[level][slot], &timer->link);
	wheel->used[level] |= UINT64_C(1) << slot;
}

void sl_timer_clear(struct sl_timer* timer)
{
	sl_list_remove(&timer->link);
}

/** When the next slot in use of a level begins. */
static uint64_t next_of_level(const struct sl_wheel* wheel, int level)
{
	uint64_t used = wheel->used[level];
	if (used == 0)
		return UINT64_MAX;
	uint64_t unit = wheel->now_ms >> (level * SL_WHEEL_BITS);
	unsigned turn = (unsigned)((unit + 1) & MASK);
	uint64_t ahead = turn == 0 ? used : used >> turn | used << (SL_WHEEL_SLOTS - turn);
	return (unit + 1 + (uint64_t)__builtin_ctzll(ahead)) << (level * SL_WHEEL_BITS);
}

uint64_t sl_wheel_next(const struct sl_wheel* wheel)
{
	uint64_t next = UINT64_MAX;
	for (int level = 0; level < SL_WHEEL_LEVELS; level++) {
		uint64_t of_level = next_of_level(wheel, level);
		if (of_level < next)
			next = of_level;
	}
	return next;
}

/** Fires what is due in a slot that begins now, and moves the rest closer. */
static void serve_slot(struct sl_wheel* wheel, int level, void* context)
{
	uint64_t slot = (wheel->now_ms >> (level * SL_WHEEL_BITS)) & MASK;
	struct sl_link here;
	struct sl_link* link;
	sl_list_init(&here);
	sl_list_splice(&here, &wheel->slots[level][slot]);
	wheel->used[level] &= ~(UINT64_C(1) << slot);
	while ((link = sl_list_shift(&here)) != NULL) {
		struct sl_timer* timer = SL_OF(link, struct sl_timer, link);
		if (timer->due_ms <= wheel->now_ms)
			timer->fire(context, timer);
		else
			sl_timer_set(wheel, timer, timer->due_ms);
	}
}

void sl_wheel_advance(struct sl_wheel* wheel, uint64_t now_ms, void* context)
{
	uint64_t next;
	while ((next = sl_wheel_next(wheel)) <= now_ms) {
		wheel->now_ms = next;
		for (int level = SL_WHEEL_LEVELS - 1; level >= 0; level--) {
			uint64_t unit_ms = UINT64_C(1) << (level * SL_WHEEL_BITS);
			if ((next & (unit_ms - 1)) == 0)
				serve_slot(wheel, level, context);
		}
	}
	if (now_ms > wheel->now_ms)
		wheel->now_ms = now_ms;
}
