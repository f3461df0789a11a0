#include "lanes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char* const names[WORKS] = {"close", "echo", "bulk", "udp", "oneway", "http"};

uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void die(const char* what)
{
	perror(what);
	exit(1);
}

struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static enum work read_work(const char* name)
{
	for (int work = 0; work < WORKS; work++)
		if (strcmp(name, names[work]) == 0)
			return (enum work)work;
	fprintf(stderr, "no work %s\n", name);
	exit(2);
}

static struct measured generate(enum work work, char** arguments)
{
	int port = atoi(arguments[0]);
	int lanes = atoi(arguments[1]);
	size_t bytes = (size_t)atol(arguments[2]);
	uint64_t length_ns = (uint64_t)atol(arguments[3]) * 1000000u;
	uint64_t rate = arguments[4] == NULL ? 0 : (uint64_t)atol(arguments[4]);
	if (bytes == 0 || bytes > MAX_BYTES || lanes < 1)
		exit(2);
	if (work == WORK_UDP)
		return generate_udp(port, lanes, bytes, length_ns);
	if (work == WORK_ONEWAY)
		return generate_oneway(port, bytes, length_ns);
	return generate_tcp(work, port, lanes, bytes, length_ns, work == WORK_ECHO ? rate : 0);
}

int main(int count, char** arguments)
{
	if (count == 2 && strcmp(arguments[1], "lanes") == 0) {
		serve_slices();
		return 0;
	}
	if (count == 3 && strcmp(arguments[1], "backend") == 0)
		serve(read_work(arguments[2]));
	if (count == 4 && strcmp(arguments[1], "reference") == 0)
		serve_reference(strcmp(arguments[2], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, (uint64_t)atol(arguments[3]));
	if (count == 4 && strcmp(arguments[1], "hold") == 0)
		hold(atoi(arguments[2]), atoi(arguments[3]));
	if (count < 7 || count > 8 || strcmp(arguments[1], "generate") != 0) {
		fputs("load lanes | load backend WORK | load generate WORK PORT LANES BYTES MS [RATE] | "
		      "load reference tcp|udp NS | load hold PORT COUNT\n", stderr);
		return 2;
	}
	struct measured got = generate(read_work(arguments[2]), arguments + 3);
	printf("{\"operations\":%llu,\"bytes\":%llu,\"errors\":%llu,\"elapsedNs\":%llu,\"p50Ns\":%llu,\"p99Ns\":%llu}\n",
	       (unsigned long long)got.operations, (unsigned long long)got.bytes, (unsigned long long)got.errors,
	       (unsigned long long)got.elapsed_ns, (unsigned long long)got.p50_ns, (unsigned long long)got.p99_ns);
	return 0;
}
