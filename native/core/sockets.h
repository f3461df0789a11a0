/*
 * sockets.h - opening and ending sockets. All are non-blocking and close-on-exec.
 *
 * Threads: nothing here has state; any thread may call it. Every function returns -errno on failure.
 */
#ifndef SL_SOCKETS_H
#define SL_SOCKETS_H

#include "addr.h"

#include <stdbool.h>

/**
 * Opens a socket that takes new flows, TCP or UDP. A TCP one listens when this returns.
 *
 * @param at: port 0: the host chooses. Holds the address that was bound when this returns.
 * @param reuse_port: others may bind the same address, if they say so too.
 * @return a descriptor that the caller owns.
 */
int sl_open_listening(struct sl_addr* at, bool tcp, bool reuse_port, int backlog);

/** Opens a TCP socket that is to be connected to an address of that family. */
int sl_open_stream(const struct sl_addr* to);

/** Begins to connect a TCP socket, still without TCP_NODELAY. @return a descriptor; *connected: it is there already. */
int sl_open_connecting(const struct sl_addr* to, uint32_t keepalive_s, bool* connected);

/** Starts to connect a new socket. @param keepalive_s: 0: none. @return 0: it is, -EINPROGRESS: on its way, or -errno. */
int sl_start_connect(int fd, const struct sl_addr* to, uint32_t keepalive_s);

/** Has small writes leave at once. */
void sl_set_no_delay(int fd);

/** Has urgent data come with the other bytes, in its place: else it is skipped. */
void sl_take_urgent(int fd);

/** Opens a UDP socket connected to an endpoint. */
int sl_open_flow(const struct sl_addr* to);

/** Has the kernel give datagrams that came together as one piece, with their length, where it can (UDP_GRO). */
void sl_take_joined(int fd);

/** Whether a connect that was begun is over: 0 yes, -EINPROGRESS not yet, else why it failed. */
int sl_connect_result(int fd);

/**
 * Where the client of an accepted TCP socket connected to: before a rule of netfilter redirected it here, if one did.
 *
 * @return 0 or -errno.
 */
int sl_original_destination(int fd, struct sl_addr* to);

/** Closes a TCP socket with a RST. */
void sl_close_reset(int fd);

/** Whether opening failed for lack of descriptors or memory: a while later it may not. */
bool sl_is_shortage(int error);

#endif /* SL_SOCKETS_H */
