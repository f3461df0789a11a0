#include "udp-flow.h"

#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

/** A cache line more than a datagram's room: else all first bytes would share one set of the cache. */
#define STRIDE_BYTES ((size_t)SL_DATAGRAM_BYTES + 1 + 64)

int sl_datagrams_init(struct sl_datagrams* datagrams)
{
	datagrams->data = malloc(SL_DATAGRAMS * STRIDE_BYTES);
	if (datagrams->data == NULL)
		return -1;
	for (int at = 0; at < SL_DATAGRAMS; at++)
		datagrams->pieces[at].iov_base = datagrams->data + (size_t)at * STRIDE_BYTES;
	sl_datagrams_expect(datagrams, 0, SL_DATAGRAMS, true);
	return 0;
}

void sl_datagrams_expect(struct sl_datagrams* datagrams, int at, int end, bool peers)
{
	for (; at < end; at++) {
		datagrams->pieces[at].iov_len = SL_DATAGRAM_BYTES;
		datagrams->messages[at].msg_hdr = (struct msghdr){
			.msg_iov = &datagrams->pieces[at],
			.msg_iovlen = 1,
			.msg_name = peers ? &datagrams->peers[at] : NULL,
			.msg_namelen = peers ? sizeof datagrams->peers[at] : 0,
			.msg_control = &datagrams->controls[at],
			.msg_controllen = sizeof datagrams->controls[at],
		};
	}
}

/** @return the length of each datagram that the kernel has joined; 0: it is one. */
static size_t read_each(struct msghdr* header)
{
	for (struct cmsghdr* one = CMSG_FIRSTHDR(header); one != NULL; one = CMSG_NXTHDR(header, one)) {
		if (one->cmsg_level != SOL_UDP || one->cmsg_type != UDP_GRO)
			continue;
		int each;
		memcpy(&each, CMSG_DATA(one), sizeof each);
		return each > 0 ? (size_t)each : 0;
	}
	return 0;
}

void sl_datagrams_received(struct sl_datagrams* datagrams, int at, int end)
{
	for (; at < end; at++) {
		struct mmsghdr* message = &datagrams->messages[at];
		size_t each = message->msg_hdr.msg_controllen > 0 ? read_each(&message->msg_hdr) : 0;
		datagrams->pieces[at].iov_len = message->msg_len;
		datagrams->each[at] = each < message->msg_len ? each : 0;
	}
}

uint32_t sl_datagrams_count(const struct sl_datagrams* datagrams, int at, int end)
{
	uint32_t count = 0;
	for (; at < end; at++) {
		size_t each = datagrams->each[at];
		count += each == 0 ? 1 : (uint32_t)((datagrams->pieces[at].iov_len + each - 1) / each);
	}
	return count;
}

uint32_t sl_datagrams_cut(struct sl_datagrams* datagrams, int at, size_t longest)
{
	struct iovec* piece = &datagrams->pieces[at];
	char* data = piece->iov_base;
	size_t each = datagrams->each[at] == 0 ? piece->iov_len : datagrams->each[at];
	size_t kept = 0;
	uint32_t cut = 0;
	if (each <= longest)
		return 0;
	/* What is kept moves together: it goes on as one piece. */
	for (size_t from = 0; from < piece->iov_len; from += each) {
		size_t length = piece->iov_len - from < each ? piece->iov_len - from : each;
		size_t keep = length < longest ? length : longest;
		memmove(data + kept, data + from, keep);
		kept += keep;
		cut += keep < length;
	}
	piece->iov_len = kept;
	datagrams->each[at] = longest < kept ? longest : 0;
	return cut;
}
