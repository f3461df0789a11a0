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

/** Space for the address that datagrams came to, or are to come from, and for the length of each. */
struct sl_control {
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

/**
 * What one recvmmsg() gives, with room for the longest datagram each. A piece may hold several datagrams of one length,
 * the last of which may be shorter: the kernel has joined them (GRO).
 */
struct sl_datagrams {
	struct mmsghdr messages[SL_DATAGRAMS];
	struct iovec pieces[SL_DATAGRAMS];
	size_t each[SL_DATAGRAMS];     /** bytes of each datagram of a piece that holds several; 0: it holds one */
	struct sockaddr_storage peers[SL_DATAGRAMS];
	struct sl_control controls[SL_DATAGRAMS];
	char* data;
};

/** Whom a flow belongs to. */
struct sl_udp_key {
	struct sl_listener* listener;
	struct sl_addr client;
	struct sl_addr local;          /** the address that the client used; zeros where the listener has only one */
	uint32_t scope;                /** the interface of a client that has a link-local address; else 0 */
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
	uint64_t answered_turn;        /** when one answer was taken, and no other was looked for */
	struct sl_kept* first;         /** datagrams that wait */
	struct sl_kept** last;
	uint32_t waiting;
	struct sockaddr_storage peer;  /** the client's */
	socklen_t peer_length;
	struct sl_control control;      /** names the address that answers come from */
	size_t control_length;         /** 0: the listener has only one */
	size_t joined_to_endpoint;     /** longest datagram that can go there joined with others */
	size_t joined_to_client;
	bool joins;                    /** the kernel joins what the endpoint sends */
	bool answered;
	bool streaming;                /** used again after an answer */
	bool ended;
};

/** What goes out through one socket: each message is a datagram, or several that the kernel cuts apart (GSO). */
struct sl_outgoing {
	struct mmsghdr messages[SL_DATAGRAMS];
	struct sl_control controls[SL_DATAGRAMS];
	size_t each[SL_DATAGRAMS];     /** bytes of each datagram of a message; 0: it has one */
	uint32_t datagrams[SL_DATAGRAMS];
	size_t* joined[SL_DATAGRAMS];  /** longest datagram that can go the same way joined; made less when the kernel refuses */
	uint32_t count;
	uint32_t at;                   /** the first that has not been sent */
};

/** Counts of datagrams. */
struct sl_sent {
	uint32_t sent;
	uint32_t lost;
};

/** A datagram that goes to its endpoint with others. */
struct sl_sending {
	struct sl_udp_flow* flow;
	int at;                        /** in `in` */
};

struct sl_udp {
	struct sl_udp_flow** buckets;  /** a power of two of them */
	uint64_t bucket_mask;
	uint64_t seed;
	uint32_t count;
	uint32_t max;
	struct sl_link used;           /** flows, the one used longest ago first */
	struct sl_link dead;
	struct sl_datagrams in;        /** from clients */
	struct sl_datagrams out;       /** to clients */
	struct sl_udp_flow* out_flows[SL_DATAGRAMS]; /** whose each of them is */
	uint32_t out_count;
	struct sl_outgoing outgoing;   /** empty, but while something is being sent */
	struct sl_sending sending[SL_DATAGRAMS];
	uint32_t sending_count;
	struct sl_udp_flow* answering[SL_ANSWERING];
	uint32_t answering_count;
	uint64_t turn;
	struct sl_listener* out_listener;
};

/* udp-table.c */

bool sl_udp_same(const struct sl_udp_key* a, const struct sl_udp_key* b);
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

/** Receives what one flow's endpoint has sent. */
void sl_udp_gather(struct sl_engine* engine, struct sl_udp_flow* flow);
/** Notes that what was received into `out`, behind all that is there, goes to the flow's client. */
void sl_udp_answered(struct sl_engine* engine, struct sl_udp_flow* flow);
/** Notes that there was no answer to receive. @param error: an errno. */
void sl_udp_unanswered(struct sl_engine* engine, struct sl_udp_flow* flow, int error);
/** Notes what became of a datagram that was sent to the endpoint. @param error: 0, or an errno. */
void sl_udp_sent(struct sl_engine* engine, struct sl_udp_flow* flow, int error);

/* udp-together.c */

/** Sends a datagram of `in` before the next ones are received. */
void sl_udp_send_soon(struct sl_engine* engine, struct sl_udp_flow* flow, int at);
void sl_udp_send_all(struct sl_engine* engine);
/** Receives what the flow's endpoint has sent at the end of the turn. */
void sl_udp_answer_soon(struct sl_engine* engine, struct sl_udp_flow* flow);

/* udp-batch.c */

/** @return 0, or -1 without memory. */
int sl_datagrams_init(struct sl_datagrams* datagrams);
/** Makes messages ready for receiving. @param peers: note who sent them. */
void sl_datagrams_expect(struct sl_datagrams* datagrams, int at, int end, bool peers);
/** Notes how long what was received is. */
void sl_datagrams_received(struct sl_datagrams* datagrams, int at, int end);
/** @return how many datagrams the pieces hold. */
uint32_t sl_datagrams_count(const struct sl_datagrams* datagrams, int at, int end);
/** Cuts datagrams of a piece that are longer. @return how many were. */
uint32_t sl_datagrams_cut(struct sl_datagrams* datagrams, int at, size_t longest);

/* udp-outgoing.c */

/** Adds pieces that go to the flow's client, or else its endpoint. There must be room for as many messages. */
void sl_outgoing_add(struct sl_outgoing* outgoing, struct sl_datagrams* datagrams, int at, int end,
		     struct sl_udp_flow* flow, bool to_client);
/**
 * Sends all, and counts what was sent and what the socket would not take.
 * @return 0, or an errno that is not about one datagram: from outgoing->at on nothing has been sent.
 */
int sl_outgoing_send(struct sl_outgoing* outgoing, int fd, struct sl_sent* counts);
/** Gives up what is left of the first message that has not been sent. */
void sl_outgoing_skip(struct sl_outgoing* outgoing, struct sl_sent* counts);
/** The error is about one datagram: the next one may be sent. */
bool sl_is_about_datagram(int error);

#endif /* SL_UDP_FLOW_H */
