#include "udp-flow.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

/** What every kernel that cuts takes in one message: UDP_MAX_SEGMENTS, and an IP packet. */
#define JOINED 64
#define JOINED_BYTES 65000
/** Datagrams that one call sends where the kernel does not cut them. */
#define APART 32

/** @return the end of those pieces from `at` on that can go as one message. */
static int end_of_joined(const struct sl_datagrams* datagrams, int at, int end, size_t longest)
{
	size_t each = datagrams->each[at] == 0 ? datagrams->pieces[at].iov_len : datagrams->each[at];
	size_t bytes = datagrams->pieces[at].iov_len;
	uint32_t count = sl_datagrams_count(datagrams, at, at + 1);
	int next = at + 1;
	if (each == 0 || each > longest)
		return next;
	/* A shorter one is the last. */
	for (; next < end && bytes % each == 0; next++) {
		size_t length = datagrams->pieces[next].iov_len;
		size_t its = datagrams->each[next] == 0 ? length : datagrams->each[next];
		if (length == 0 || its > each || (its < each && datagrams->each[next] != 0))
			break;
		bytes += length;
		count += sl_datagrams_count(datagrams, next, next + 1);
		if (count > JOINED || bytes > JOINED_BYTES)
			break;
	}
	return next;
}

static void name_client(struct msghdr* header, struct sl_control* control, struct sl_udp_flow* flow)
{
	header->msg_name = &flow->peer;
	header->msg_namelen = flow->peer_length;
	header->msg_controllen = flow->control_length;
	memcpy(control, &flow->control, flow->control_length);
}

/** Has the kernel cut the message. */
static void name_each(struct msghdr* header, struct sl_control* control, size_t each)
{
	uint16_t length = (uint16_t)each;
	struct cmsghdr* one = (struct cmsghdr*)(void*)(control->space + header->msg_controllen);
	one->cmsg_level = SOL_UDP;
	one->cmsg_type = UDP_SEGMENT;
	one->cmsg_len = CMSG_LEN(sizeof length);
	memcpy(CMSG_DATA(one), &length, sizeof length);
	header->msg_controllen += CMSG_SPACE(sizeof length);
}

static void add_one(struct sl_outgoing* outgoing, struct sl_datagrams* datagrams, int at, int end,
		    struct sl_udp_flow* flow, bool to_client)
{
	uint32_t which = outgoing->count++;
	struct sl_control* control = &outgoing->controls[which];
	struct msghdr* header = &outgoing->messages[which].msg_hdr;
	uint32_t count = sl_datagrams_count(datagrams, at, end);
	size_t each = datagrams->each[at] == 0 ? datagrams->pieces[at].iov_len : datagrams->each[at];
	*header = (struct msghdr){.msg_iov = &datagrams->pieces[at], .msg_iovlen = (size_t)(end - at)};
	if (to_client)
		name_client(header, control, flow);
	if (count > 1)
		name_each(header, control, each);
	header->msg_control = header->msg_controllen > 0 ? control : NULL;
	outgoing->datagrams[which] = count;
	outgoing->each[which] = count > 1 ? each : 0;
	outgoing->joined[which] = to_client ? &flow->joined_to_client : &flow->joined_to_endpoint;
}

void sl_outgoing_add(struct sl_outgoing* outgoing, struct sl_datagrams* datagrams, int at, int end,
		     struct sl_udp_flow* flow, bool to_client)
{
	size_t longest = to_client ? flow->joined_to_client : flow->joined_to_endpoint;
	while (at < end) {
		int next = end_of_joined(datagrams, at, end, longest);
		add_one(outgoing, datagrams, at, next, flow, to_client);
		at = next;
	}
}

bool sl_is_about_datagram(int error)
{
	return error == EMSGSIZE || error == ENOBUFS || error == EAGAIN || error == EPERM;
}

/** The kernel knows no such message, or its path has no room for one that long. */
static bool is_about_joining(int error)
{
	return error == EINVAL || error == EMSGSIZE || error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

static bool goes_apart(const struct sl_outgoing* outgoing, uint32_t at)
{
	return outgoing->each[at] > *outgoing->joined[at];
}

/** From now on such datagrams go apart at once. */
static void join_no_more(struct sl_outgoing* outgoing, int error)
{
	size_t longest = error == EINVAL || error == EMSGSIZE ? outgoing->each[outgoing->at] - 1 : 0;
	*outgoing->joined[outgoing->at] = longest;
}

/** Sends datagrams of one message. @return as sl_outgoing_send(); *done of them are sent or lost. */
static int send_some(int fd, struct mmsghdr* messages, unsigned count, unsigned* done, struct sl_sent* counts)
{
	for (*done = 0; *done < count;) {
		int sent = sendmmsg(fd, messages + *done, count - *done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && !sl_is_about_datagram(errno))
			return errno;
		*done += sent < 0 ? 1 : (unsigned)sent;
		counts->sent += sent < 0 ? 0 : (unsigned)sent;
		counts->lost += sent < 0;
	}
	return 0;
}

/** The next datagrams of a message, a message each. */
struct apart {
	struct mmsghdr messages[APART];
	struct iovec datagrams[APART];
	unsigned count;
};

static void add_apart(struct apart* apart, const struct msghdr* whole, char* data, size_t length)
{
	struct msghdr* header = &apart->messages[apart->count].msg_hdr;
	struct iovec* datagram = &apart->datagrams[apart->count++];
	*datagram = (struct iovec){.iov_base = data, .iov_len = length};
	*header = *whole;
	header->msg_iov = datagram;
	header->msg_iovlen = 1;
	/* The length of each stands last. */
	header->msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	if (header->msg_controllen == 0)
		header->msg_control = NULL;
}

static int send_apart(struct sl_outgoing* outgoing, int fd, struct sl_sent* counts)
{
	struct msghdr* whole = &outgoing->messages[outgoing->at].msg_hdr;
	size_t each = outgoing->each[outgoing->at];
	struct apart apart = {.count = 0};
	for (size_t at = 0; at < whole->msg_iovlen; at++) {
		struct iovec* piece = &whole->msg_iov[at];
		for (size_t from = 0; from < piece->iov_len; from += each) {
			size_t left = piece->iov_len - from;
			unsigned done;
			add_apart(&apart, whole, (char*)piece->iov_base + from, left < each ? left : each);
			bool is_last = left <= each && at + 1 == whole->msg_iovlen;
			if (apart.count < APART && !is_last)
				continue;
			int error = send_some(fd, apart.messages, apart.count, &done, counts);
			outgoing->datagrams[outgoing->at] -= done;
			apart.count = 0;
			if (error != 0)
				return error;
		}
	}
	outgoing->at++;
	return 0;
}

/** Sends up to the next message that goes apart. @return 0 or an errno. */
static int send_whole(struct sl_outgoing* outgoing, int fd, struct sl_sent* counts)
{
	uint32_t end = outgoing->at + 1;
	while (end < outgoing->count && !goes_apart(outgoing, end))
		end++;
	int sent = sendmmsg(fd, &outgoing->messages[outgoing->at], end - outgoing->at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EINTR ? 0 : errno;
	for (int at = 0; at < sent; at++)
		counts->sent += outgoing->datagrams[outgoing->at++];
	return 0;
}

int sl_outgoing_send(struct sl_outgoing* outgoing, int fd, struct sl_sent* counts)
{
	while (outgoing->at < outgoing->count) {
		bool apart = goes_apart(outgoing, outgoing->at);
		int error = apart ? send_apart(outgoing, fd, counts) : send_whole(outgoing, fd, counts);
		if (error == 0)
			continue;
		if (!apart && outgoing->each[outgoing->at] > 0 && is_about_joining(error))
			join_no_more(outgoing, error);
		else if (sl_is_about_datagram(error))
			sl_outgoing_skip(outgoing, counts);
		else
			return error;
	}
	outgoing->count = outgoing->at = 0;
	return 0;
}

void sl_outgoing_skip(struct sl_outgoing* outgoing, struct sl_sent* counts)
{
	counts->lost += outgoing->datagrams[outgoing->at++];
}
