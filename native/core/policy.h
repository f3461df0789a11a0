/*
 * policy.h - how flows are carried once it is known where they go. A flow keeps the policy that it began with.
 */
#ifndef SL_POLICY_H
#define SL_POLICY_H

#include <stdint.h>

#define SL_MAX_TRIES 8

struct sl_policy {
	uint32_t users;                        /** who holds it; freed when that falls to 0 */
	uint32_t tries;                        /** 1 - SL_MAX_TRIES */
	uint32_t dial_timeout_ms[SL_MAX_TRIES]; /** of each try; 0: the host's own */
	uint32_t failure_resets;               /** 1: a client without an endpoint sees a RST; 0: a FIN */
	uint32_t one_at_a_time;                /** a group serves one connection until it has reached its endpoint */
	uint32_t closes_both;                  /** the end of one direction ends the other */
	uint32_t datagram_bytes;               /** longer ones are cut */
	uint32_t udp_idle_ms;                  /** a flow is forgotten after this long, while it was not used after an answer */
	uint32_t udp_stream_ms;                /** and after this long once it was */
	uint32_t tcp_idle_ms;                  /** a connection is reset after this long without a byte; 0: never */
	uint32_t keepalive_s;                  /** idle time before the kernel probes an endpoint; 0: never */
	uint32_t proxy_protocol;               /** towards endpoints: 0 none, 1 or 2 the version */
};

/** @return a copy with one user; NULL without memory. */
struct sl_policy* sl_policy_new(const struct sl_policy* from);
struct sl_policy* sl_policy_hold(struct sl_policy* policy);
void sl_policy_release(struct sl_policy* policy);

#endif /* SL_POLICY_H */
