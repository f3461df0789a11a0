#include "udp-flow.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

/** A cache line more than a datagram's room: else all first bytes would share one set of the cache. */
#define STRIDE_BYTES ((size_t)SL_DATAGRAM_BYTES + 1 + 64)
/** What the kernel takes in one piece: UDP_MAX_SEGMENTS, and an IP packet. */
#define SEGMENTS 64
#define SEGMENTED_BYTES 65000

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
			.msg_control = peers ? &datagrams->controls[at] : NULL,
			.msg_controllen = peers ? sizeof datagrams->controls[at] : 0,
		};
	}
}

bool sl_is_about_datagram(int error)
{
	return error == EMSGSIZE || error == ENOBUFS || error == EAGAIN || error == EPERM;
}

/** Whether all are of one length, but for a shorter last one: then they can go as one. */
static bool can_segment(const struct iovec* pieces, int count)
{
	size_t length = pieces[0].iov_len;
	if (count < 2 || count > SEGMENTS || length == 0 || length * (size_t)count > SEGMENTED_BYTES)
		return false;
	for (int at = 1; at < count - 1; at++)
		if (pieces[at].iov_len != length)
			return false;
	return pieces[count - 1].iov_len <= length && pieces[count - 1].iov_len > 0;
}

/** Sends several datagrams through the stack at once, which cuts them apart at its end (GSO). @return 0 or an errno. */
static int send_segmented(int fd, struct iovec* pieces, int count)
{
	struct sl_control control = {0};
	struct msghdr message = {
		.msg_iov = pieces,
		.msg_iovlen = (size_t)count,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(uint16_t)),
	};
	uint16_t length = (uint16_t)pieces[0].iov_len;
	struct cmsghdr* header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_UDP;
	header->cmsg_type = UDP_SEGMENT;
	header->cmsg_len = CMSG_LEN(sizeof length);
	memcpy(CMSG_DATA(header), &length, sizeof length);
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

int sl_datagrams_send(int fd, struct sl_datagrams* datagrams, int at, int end, int* error)
{
	*error = 0;
	if (end - at == 1) {
		struct iovec* piece = &datagrams->pieces[at];
		if (send(fd, piece->iov_base, piece->iov_len, MSG_NOSIGNAL) >= 0)
			return 1;
		*error = errno;
		return 0;
	}
	/* What cannot go as one may go one by one: the device's unit may be smaller, say. */
	if (can_segment(&datagrams->pieces[at], end - at) && send_segmented(fd, &datagrams->pieces[at], end - at) == 0)
		return end - at;
	for (int one = at; one < end; one++) {
		struct msghdr* header = &datagrams->messages[one].msg_hdr;
		header->msg_name = NULL;
		header->msg_namelen = 0;
		header->msg_control = NULL;
		header->msg_controllen = 0;
	}
	int sent = sendmmsg(fd, &datagrams->messages[at], (unsigned)(end - at), MSG_NOSIGNAL);
	if (sent < 0)
		*error = errno;
	return sent < 0 ? 0 : sent;
}
