/*
 * counters.h - what an engine counts. The memory is the host's; the engine alone writes it, others read along.
 */
#ifndef SL_COUNTERS_H
#define SL_COUNTERS_H

/** Where each counter stands: an array of doubles, so that JavaScript reads numbers. Names are those of the host. */
#define SL_COUNTERS(each) \
	each(accepted, ACCEPTED) \
	each(acceptFailures, ACCEPT_FAILURES) \
	each(active, ACTIVE) \
	each(rejected, REJECTED) \
	each(dropped, DROPPED) \
	each(refused, REFUSED) \
	each(resets, RESETS) \
	each(bytesToEndpoints, BYTES_TO_ENDPOINTS) \
	each(bytesToClients, BYTES_TO_CLIENTS) \
	each(udpFlows, UDP_FLOWS) \
	each(udpActive, UDP_ACTIVE) \
	each(udpEvicted, UDP_EVICTED) \
	each(datagramsToEndpoints, DATAGRAMS_TO_ENDPOINTS) \
	each(datagramsToClients, DATAGRAMS_TO_CLIENTS) \
	each(datagramsCut, DATAGRAMS_CUT) \
	each(datagramsLost, DATAGRAMS_LOST) \
	each(callsRefused, CALLS_REFUSED)

enum sl_counter {
#define SL_COUNTER_ENUM(name, upper) SL_##upper,
	SL_COUNTERS(SL_COUNTER_ENUM)
#undef SL_COUNTER_ENUM
	SL_COUNTER_COUNT
};

/** Adds to a counter that other threads may be reading. */
static inline void sl_count(double* counters, enum sl_counter which, double amount)
{
	/* One writer: the sum needs no lock, only the store must not be torn. */
	double sum = counters[which] + amount;
	__atomic_store(&counters[which], &sum, __ATOMIC_RELAXED);
}

#endif /* SL_COUNTERS_H */
