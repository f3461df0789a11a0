/*
 * addr.h - transport addresses as the engine and whoever routes for it exchange them.
 */
#ifndef SL_ADDR_H
#define SL_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/** Six 32-bit words, in the host's byte order. */
struct sl_addr {
	uint32_t family; /** 4 or 6 */
	uint32_t port;   /** 0 - 65535 */
	uint32_t ip[4];  /** most significant first; IPv4 has one, and zeros behind it */
};

/** @return the length of what was written to `to`. */
socklen_t sl_addr_write(const struct sl_addr* addr, struct sockaddr_storage* to);

/** Reads what the kernel wrote; an IPv4-mapped IPv6 address is IPv4. @return false for another family. */
bool sl_addr_read(const struct sockaddr_storage* from, struct sl_addr* addr);

bool sl_addr_same(const struct sl_addr* a, const struct sl_addr* b);

/** All addresses of the host. */
bool sl_addr_is_any(const struct sl_addr* addr);

#endif /* SL_ADDR_H */
