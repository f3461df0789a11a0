/*
 * refuse.c - a library to be loaded before all others (LD_PRELOAD), by which a test has the host refuse what the addon
 * asks for. The environment's SLUICE_REFUSE says what: `allocation N` the N-th that the addon asks for from then on;
 * `epoll_create1 ERRNO`, `epoll_ctl ERRNO`, `io_uring_setup ERRNO` each of these calls; several with commas between.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* data, size_t bytes);

/** @return the number behind a name in the wish; 0: it is not wished for. */
static int wished(const char* name)
{
	const char* wish = getenv("SLUICE_REFUSE");
	const char* at = wish == NULL ? NULL : strstr(wish, name);
	return at == NULL ? 0 : atoi(at + strlen(name));
}

static bool is_addon(void* caller)
{
	Dl_info info;
	return dladdr(caller, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, "sluice.node") != NULL;
}

static bool refuses_allocation(void* caller)
{
	static int counted_for;
	static int seen;
	int nth = wished("allocation ");
	if (nth == 0 || !is_addon(caller))
		return false;
	if (counted_for != nth)
		seen = 0;
	counted_for = nth;
	if (++seen != nth)
		return false;
	errno = ENOMEM;
	return true;
}

void* malloc(size_t bytes)
{
	return refuses_allocation(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes)
{
	return refuses_allocation(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void* realloc(void* data, size_t bytes)
{
	return refuses_allocation(__builtin_return_address(0)) ? NULL : __libc_realloc(data, bytes);
}

int epoll_create1(int flags)
{
	errno = wished("epoll_create1 ");
	return errno != 0 ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int epoll_ctl(int epoll, int how, int fd, struct epoll_event* event)
{
	errno = wished("epoll_ctl ");
	return errno != 0 ? -1 : (int)syscall(SYS_epoll_ctl, epoll, how, fd, event);
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long words[6];
	va_list rest;
	va_start(rest, number);
	for (int at = 0; at < 6; at++)
		words[at] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_io_uring_setup && (errno = wished("io_uring_setup ")) != 0)
		return -1;
	if (real == NULL)
		*(void**)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
