/*
 * proxy-protocol.h - the header by which an endpoint learns who its client is.
 *
 * Source: HAProxy, "The PROXY protocol", versions 1 and 2, 2020, sections 2.1 and 2.2.
 */
#ifndef SL_PROXY_PROTOCOL_H
#define SL_PROXY_PROTOCOL_H

#include "addr.h"

#include <stddef.h>

/** The longest line of version 1 with its CRLF and a 0 behind it; version 2 is shorter. */
#define SL_PROXY_BYTES 108

/**
 * @param version: 1 or 2.
 * @param to: where the client connected to, of the client's family.
 * @return bytes written, at most SL_PROXY_BYTES.
 */
size_t sl_proxy_header(char* out, uint32_t version, const struct sl_addr* client, const struct sl_addr* to);

#endif /* SL_PROXY_PROTOCOL_H */
