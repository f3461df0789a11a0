/*
 * udp-flow.h - UDP flows from the inside: the table, one flow, and the batches that datagrams travel in.
 */
#ifndef SL_UDP_FLOW_H
#define SL_UDP_FLOW_H

#include "udp.h"

#include <netinet/in.h>

/** No UDP payload is longer. */
#define SL_DATAGRAM_BYTES 65535
/** Datagrams that wait for a route. */
#define SL_WAITING_DATAGRAMS 64

/** Space for the address that a datagram came to, or is to come from. */
struct sl_control {
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/** Datagrams of one recvmmsg() or sendmmsg(), with room for the longest each. */
struct sl_datagrams {
	struct mmsghdr messages[SL_DATAGRAMS];
	struct iovec pieces[SL_DATAGRAMS];
	struct sockaddr_storage peers[SL_DATAGRAMS];
	struct sl_control controls[SL_DATAGRAMS];
	char* data;
};

/** Whom a flow belongs to. */
struct sl_udp_key {
	struct sl_listener* listener;
	struct sl_addr client;
	struct sl_addr local;          /** the address that the client used; zeros where the listener has only one */
};

/** A datagram that waits for a route. */
struct sl_kept {
	struct sl_kept* next;
	size_t length;
	char data[];
};

struct sl_udp_flow {
	struct sl_flow flow;
	struct sl_source source;       /** connected to the endpoint; -1 before there is one */
	struct sl_udp_key key;
	struct sl_udp_flow* next;      /** in the bucket */
	struct sl_link used;           /** by last use, or of the dead */
	struct sl_policy* policy;      /** held */
	struct sl_timer timer;
	double touched_ms;
	struct sl_kept* first;         /** datagrams that wait */
	struct sl_kept** last;
	uint32_t waiting;
	struct sockaddr_storage peer;  /** the client's */
	socklen_t peer_length;
	struct sl_control control;      /** names the address that answers come from */
	size_t control_length;         /** 0: the listener has only one */
	bool answered;
	bool streaming;                /** used again after an answer */
	bool ended;
};

struct sl_udp {
	struct sl_udp_flow** buckets;  /** a power of two of them */
	uint64_t bucket_mask;
	uint64_t seed;
	uint32_t count;
	uint32_t max;
	struct sl_link used;           /** flows, the one used longest ago first */
	struct sl_link dead;
	struct sl_datagrams in;        /** from clients, and from endpoints on the way to `out` */
	struct sl_datagrams out;       /** to clients */
	uint32_t out_count;
	struct sl_listener* out_listener;
};

/* udp-table.c */

struct sl_udp_flow* sl_udp_find(struct sl_udp* udp, const struct sl_udp_key* key);
void sl_udp_insert(struct sl_udp* udp, struct sl_udp_flow* flow);
void sl_udp_remove(struct sl_udp* udp, struct sl_udp_flow* flow);

/* udp-flow.c */

/** Begins a flow, and asks where it goes. @return NULL without memory. */
struct sl_udp_flow* sl_udp_begin(struct sl_engine* engine, const struct sl_udp_key* key);
void sl_udp_end(struct sl_engine* engine, struct sl_udp_flow* flow);
/** Takes datagrams that the client sent. */
void sl_udp_from_client(struct sl_engine* engine, struct sl_udp_flow* flow, struct sl_datagrams* datagrams, int at,
			int end);

/* udp-batch.c */

/** @return 0, or -1 without memory. */
int sl_datagrams_init(struct sl_datagrams* datagrams);
/** Makes messages ready for receiving. @param peers: note who sent them, and where to. */
void sl_datagrams_expect(struct sl_datagrams* datagrams, int at, int end, bool peers);
/** Sends on a connected socket. @return how many were sent; *error is 0 or the errno that stopped it. */
int sl_datagrams_send(int fd, struct sl_datagrams* datagrams, int at, int end, int* error);
/** The error is about one datagram: the next one may be sent. */
bool sl_is_about_datagram(int error);

#endif /* SL_UDP_FLOW_H */
