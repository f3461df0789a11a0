#include "functions.h"

#include "../core/sockets.h"

#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** openSocket(at: Uint32Array(6), tcp, reusePort, backlog): a descriptor, or -errno; `at` gets what was bound. */
napi_value sl_js_open_socket(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	void* words;
	bool tcp;
	bool reuse_port;
	double backlog;
	if (!sl_arguments_read(env, info, &arguments) ||
	    !sl_argument_array(&arguments, 0, napi_uint32_array, SL_ADDR_WORDS, &words) ||
	    !sl_argument_bool(&arguments, 1, &tcp) || !sl_argument_bool(&arguments, 2, &reuse_port) ||
	    !sl_argument_number(&arguments, 3, 1, 65535, &backlog))
		return NULL;
	struct sl_addr at;
	memcpy(&at, words, sizeof at);
	if ((at.family != 4 && at.family != 6) || at.port > 65535) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "not an address");
		return NULL;
	}
	int fd = sl_open_listening(&at, tcp, reuse_port, (int)backlog);
	memcpy(words, &at, sizeof at);
	return sl_number(env, fd);
}

/** closeSocket(fd): of openSocket(). */
napi_value sl_js_close_socket(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	double fd;
	int type;
	socklen_t length = sizeof type;
	if (!sl_arguments_read(env, info, &arguments) || !sl_argument_number(&arguments, 0, 0, INT_MAX, &fd))
		return NULL;
	/* A number that is no socket was not given out by openSocket(), or was closed: it may be somebody else's file. */
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
		return sl_throw(env, "ERR_NOT_OPEN", "not an open socket");
	close((int)fd);
	return NULL;
}

/** originalDestination(fd, to: Uint32Array(6)): 0 or -errno, of an accepted TCP socket. */
napi_value sl_js_original_destination(napi_env env, napi_callback_info info)
{
	struct sl_arguments arguments;
	double fd;
	void* words;
	if (!sl_arguments_read(env, info, &arguments) || !sl_argument_number(&arguments, 0, 0, INT_MAX, &fd) ||
	    !sl_argument_array(&arguments, 1, napi_uint32_array, SL_ADDR_WORDS, &words))
		return NULL;
	struct sl_addr to = {0};
	int failure = sl_original_destination((int)fd, &to);
	memcpy(words, &to, sizeof to);
	return sl_number(env, failure);
}
