/*
 * load.h - a load generator and its backends, each in a process of its own, for measuring proxies.
 *
 *   backend WORK                         prints "PORT" once it serves; runs until it is killed
 *   generate WORK PORT LANES BYTES MS [RATE]   prints one line of JSON
 *   reference tcp|udp NS                 a server that takes so long over each answer; prints "PORT", runs until it is killed
 *   hold PORT COUNT                      opens connections, prints "held", and keeps them until it is killed
 *
 * WORK: close (connect, ask, answer, end), echo (request and response on kept connections), bulk (one way), udp (request
 * and response), oneway (datagrams, a window at a time, in bursts that the kernel cuts apart), http (as echo, in words that
 * wrk knows: to check this generator by). All traffic is on 127.0.0.1. With RATE, echo asks so often a second, whenever the
 * answers come; a latency counts from when the question was due.
 */
#ifndef SL_LOAD_H
#define SL_LOAD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum work { WORK_CLOSE, WORK_ECHO, WORK_BULK, WORK_UDP, WORK_ONEWAY, WORK_HTTP, WORKS };

/** What wrk asks, and an answer that it takes. */
#define HTTP_QUESTION "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#define HTTP_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#define MAX_BYTES ((size_t)256 * 1024)
/** Datagrams that one-way traffic has under way, and after how many the backend says how many came. */
#define WINDOW 256
#define ACK_EVERY 32

struct measured {
	uint64_t operations;
	uint64_t bytes;
	uint64_t errors;
	uint64_t elapsed_ns;
	uint64_t p50_ns;   /** of one operation; 0 where there is none */
	uint64_t p99_ns;
};

uint64_t now_ns(void);
void die(const char* what);
struct sockaddr_in loopback(int port);

/** Serves until it is killed. */
void serve(enum work work);

/* reference.c: what other generators are compared by, who speak to nothing else alike */

/** Of each question and each answer. */
#define REFERENCE_BYTES 64

/**
 * Answers HTTP as wrk asks it, datagrams of sockperf, and our own questions, in one way for all of them, until it is
 * killed. @param type SOCK_STREAM or SOCK_DGRAM. @param each_ns processor time that it takes over each answer.
 */
void serve_reference(int type, uint64_t each_ns);

/** @param rate: questions a second over all lanes; 0: each lane asks again at once. */
struct measured generate_tcp(enum work work, int port, int lanes, size_t bytes, uint64_t length_ns, uint64_t rate);
struct measured generate_udp(int port, int lanes, size_t bytes, uint64_t length_ns);
struct measured generate_oneway(int port, size_t bytes, uint64_t length_ns);

/** Opens connections that say nothing, and keeps them. */
void hold(int port, int count);

/* latencies.c: a histogram of 1.6 % steps */

void latency_note(uint64_t ns);
uint64_t latency_at(double share);

#endif /* SL_LOAD_H */
