#include "check.h"

#include "../core/wheel.h"

#define TIMERS 500

struct alarm {
	struct sl_timer timer;
	uint64_t due_ms;
	uint64_t fired_ms;
};

static void fire(void* context, struct sl_timer* timer)
{
	SL_OF(timer, struct alarm, timer)->fired_ms = ((struct sl_wheel*)context)->now_ms;
}

/** A generator of its own: the same numbers on every host. */
static uint64_t next_random(uint64_t* state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/** Every timer fires in the first advance that is not before it, whatever the steps. */
static void test_steps(uint64_t seed, uint64_t longest_ms, uint64_t longest_step_ms)
{
	static struct alarm alarms[TIMERS];
	struct sl_wheel wheel;
	uint64_t now_ms = seed * 12345;
	sl_wheel_init(&wheel, now_ms);
	for (int at = 0; at < TIMERS; at++) {
		sl_timer_init(&alarms[at].timer, fire);
		alarms[at].due_ms = now_ms + 1 + next_random(&seed) % longest_ms;
		alarms[at].fired_ms = 0;
		sl_timer_set(&wheel, &alarms[at].timer, alarms[at].due_ms);
	}
	while (sl_wheel_next(&wheel) != UINT64_MAX) {
		uint64_t before_ms = now_ms;
		now_ms += next_random(&seed) % longest_step_ms;
		sl_wheel_advance(&wheel, now_ms, &wheel);
		for (int at = 0; at < TIMERS; at++) {
			bool due = alarms[at].due_ms <= now_ms;
			CHECK(due == (alarms[at].fired_ms != 0));
			if (due && alarms[at].due_ms > before_ms)
				CHECK(alarms[at].fired_ms == alarms[at].due_ms);
		}
	}
}

void test_wheel(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		test_steps(seed, 50, 5);
		test_steps(seed, 5000, 700);
		test_steps(seed, 3600000, 200000);
	}
	struct sl_wheel wheel;
	struct alarm alarm = {0};
	sl_wheel_init(&wheel, 100);
	sl_timer_init(&alarm.timer, fire);
	sl_timer_set(&wheel, &alarm.timer, 150);
	sl_timer_clear(&alarm.timer);
	sl_wheel_advance(&wheel, 200, &wheel);
	CHECK(alarm.fired_ms == 0);
	/* One that is due already fires at the next millisecond; time does not go back. */
	sl_timer_set(&wheel, &alarm.timer, 50);
	sl_wheel_advance(&wheel, 10, &wheel);
	CHECK(alarm.fired_ms == 0);
	sl_wheel_advance(&wheel, 201, &wheel);
	CHECK(alarm.fired_ms == 201);
}
