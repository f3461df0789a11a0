#include "lanes.h"

/** A request that goes out later than this, though a lane was there for it, is the generator's own doing. */
#define LATE_NS UINT64_C(1000000)

bool window_is_open(const struct slice* slice, uint64_t at_ns)
{
	return slice->opened_window && at_ns >= slice->opened_ns && at_ns < slice->closed_ns;
}

bool sending_is_open(const struct slice* slice)
{
	if (slice->rate > 0)
		return !slice->stopped && slice->due_count < slice->due_total;
	return !slice->stopped && window_is_open(slice, now_ns());
}

void take_turn(struct slice* slice, struct lane* lane)
{
	if (slice->rate == 0) {
		uint64_t now = now_ns();
		if (!slice->stopped && window_is_open(slice, now))
			lane_go(slice, lane, now);
		else
			lane_turn_over(slice, lane);
		return;
	}
	/* Handed out by the loop, so that no lane answers from within another's turn. */
	lane->turn_since_ns = now_ns();
	lane->next_waiting = NULL;
	if (slice->first_waiting == NULL)
		slice->first_waiting = lane;
	else
		slice->last_waiting->next_waiting = lane;
	slice->last_waiting = lane;
}

void withdraw(struct slice* slice, struct lane* lane)
{
	struct lane* before = NULL;
	if (lane->turn_since_ns == 0)
		return;
	for (struct lane* one = slice->first_waiting; one != lane; one = one->next_waiting)
		before = one;
	if (before == NULL)
		slice->first_waiting = lane->next_waiting;
	else
		before->next_waiting = lane->next_waiting;
	if (slice->last_waiting == lane)
		slice->last_waiting = before;
	lane->turn_since_ns = 0;
}

uint64_t hand_out_turns(struct slice* slice)
{
	while (slice->first_waiting != NULL && slice->opened_window) {
		struct lane* lane = slice->first_waiting;
		if (!sending_is_open(slice)) {
			withdraw(slice, lane);
			lane_turn_over(slice, lane);
			continue;
		}
		uint64_t due = slice->opened_ns + (uint64_t)((double)slice->due_count * 1e9 / slice->rate);
		uint64_t now = now_ns();
		if (due > now)
			return due - now;
		slice->due_count++;
		if (now - due > slice->timeout_ns) {
			slice->errors[TIMED_OUT]++;
			continue;
		}
		if (lane->turn_since_ns <= due && now - due > LATE_NS)
			slice->sent_late++;
		withdraw(slice, lane);
		lane_go(slice, lane, due);
	}
	return UINT64_MAX;
}
