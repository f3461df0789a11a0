/*
 * udp.h - UDP flows: what a client at one address and port exchanges with the endpoint that its first datagram was
 * given. Each has a socket connected to its endpoint, so that answers and ICMP errors find their way.
 */
#ifndef SL_UDP_H
#define SL_UDP_H

#include "listener.h"

/** Datagrams that one call moves. */
#define SL_DATAGRAMS 32
/** Flows whose answers wait to be received; when there are more, these go first. */
#define SL_ANSWERING 256

/** The flow table and the batches. @return NULL without memory. */
struct sl_udp* sl_udp_new(uint32_t max_flows);
void sl_udp_free(struct sl_engine* engine);

void sl_udp_listener_ready(struct sl_engine* engine, struct sl_source* source, uint32_t events);

/** Receives the answers that epoll told of in this turn. */
void sl_udp_answer(struct sl_engine* engine);
/** Sends the answers that were gathered. */
void sl_udp_flush(struct sl_engine* engine);

/** Frees flows that ended in this turn. */
void sl_udp_bury(struct sl_engine* engine);

void sl_udp_end_flows_of(struct sl_engine* engine, struct sl_listener* listener);

#endif /* SL_UDP_H */
