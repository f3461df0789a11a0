/*
 * conn.h - a TCP connection: a client, the endpoint that it was given, and the bytes between them.
 *
 *   accepted -> asking -> dialling -> joined -> dead
 *                  ^---------' refused, and tries are left
 */
#ifndef SL_CONN_H
#define SL_CONN_H

#include "engine.h"
#include "group.h"

/** What epoll watches a side for: edges, so that nothing has to be asked twice. */
#define SL_SIDE_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

enum sl_conn_state {
	SL_CONN_ASKING,
	SL_CONN_STARVING,   /** there was no descriptor to dial with */
	SL_CONN_DIALLING,
	SL_CONN_JOINED,
	SL_CONN_DEAD
};

/** One of the two sockets. */
struct sl_side {
	struct sl_source source;
	bool readable;          /** the next read may give something */
	bool bulk;              /** the last read gave as much as there was room for */
	bool writable;          /** the next write may be taken */
	bool watched;           /** by epoll */
	bool watches_out;       /** epoll is to say when it can be written to */
	bool hung_up;           /** epoll has said that there is an end to read */
	bool broken;            /** epoll has said that there is an error to read */
	bool urgent;            /** it sends urgent data: a read may stop before all that is there */
	bool ended;             /** its end has been read, or is known to be all that is left */
	bool delays;            /** the kernel still gathers small writes (no TCP_NODELAY yet) */
	bool wrote;             /** something has been written to it */
	bool shut;              /** the other side's end has been sent to it */
	bool failed;            /** a call on it has said that there is no going on */
	struct sl_rest rest;    /** read from it, and not yet taken by the other side */
};

struct sl_conn {
	struct sl_link link;         /** of all connections, or of the dead */
	struct sl_link ready;        /** of those whose budget was spent, or that starve */
	struct sl_link in_group;     /** in line, one at a time */
	struct sl_flow flow;
	struct sl_policy* policy;    /** held */
	struct sl_group* group;      /** held while in line; NULL: not in line */
	struct sl_timer timer;       /** of the dial, then of idleness */
	struct sl_side client;
	struct sl_side endpoint;
	struct sl_addr to;           /** where it is dialling, or starving for */
	double touched_ms;           /** when the last byte went through */
	enum sl_conn_state state;
	bool stirred;                /** in the queue of those that have something to move */
	bool closing;                /** the router knows that it is about to end */
	bool aborted;                /** ends as soon as the router has answered */
};

/**
 * Begins to serve an accepted client.
 *
 * @param fd: owned from here on.
 * @return 0, or -1 without memory: the client was closed.
 */
int sl_conn_accept(struct sl_engine* engine, uint32_t listener, struct sl_group* group, int fd,
		   const struct sl_addr* client);

/** Asks where the connection goes. */
void sl_conn_ask(struct sl_engine* engine, struct sl_conn* conn);

/** Ends it with a RST to both sides, now or as soon as the router has answered. */
void sl_conn_reset(struct sl_engine* engine, struct sl_conn* conn);

/** Closes what is open and tells the router. @param resets: with a RST, whatever was on its way. */
void sl_conn_over(struct sl_engine* engine, struct sl_conn* conn, enum sl_became became, bool resets);

/** A first write of so much fits one segment on any path, and waits for nothing: many connections have no second one. */
#define SL_ONE_SEGMENT_BYTES 1000

/* dial.c */

/** Has the connection go to conn->to, or try another endpoint, at the next sl_dial_all(). */
void sl_dial(struct sl_engine* engine, struct sl_conn* conn);
void sl_dial_all(struct sl_engine* engine);
/** Goes on after a socket was opened. @param outcome: 0, -EINPROGRESS, or another -errno: then the socket, if any, is closed. */
void sl_dialled(struct sl_engine* engine, struct sl_conn* conn, int fd, int outcome);
void sl_dial_event(struct sl_engine* engine, struct sl_conn* conn, uint32_t events);
void sl_dial_timeout(struct sl_engine* engine, struct sl_conn* conn);

/* dial-together.c */

/** Dials many with few entries into the kernel, and sends what their clients have said by then. */
void sl_dial_together(struct sl_engine* engine, struct sl_conn** conns, uint32_t count);

/* pump.c */

/** Both sockets are connected: bytes move from here on. */
void sl_join(struct sl_engine* engine, struct sl_conn* conn);
/** Moves what can be moved, both ways. */
void sl_pump(struct sl_engine* engine, struct sl_conn* conn);
/** Ends it: one of its sockets is of no use any more. */
void sl_conn_fail(struct sl_engine* engine, struct sl_conn* conn);
/** Notes what epoll says about a side. */
void sl_side_event(struct sl_side* side, uint32_t events);
/** Notes what a read gave, of so much that there was room for; 0: the end. */
void sl_side_read(struct sl_side* from, size_t got, size_t room);
/** Before each write. */
void sl_before_write(struct sl_side* to, size_t length);
/** Has epoll say when the side can be written to again. @return 0 or -1. */
int sl_want_out(struct sl_engine* engine, struct sl_side* side);
/** Counts what was read from a side. */
void sl_moved(struct sl_engine* engine, struct sl_conn* conn, const struct sl_side* from, size_t bytes);

#endif /* SL_CONN_H */
