#include "check.h"

/** Runs all tests of the core; a descriptor that is left open fails them. */
int main(void)
{
	static const struct {
		const char* name;
		void (*run)(void);
	} tests[] = {
		{"wheel", test_wheel},           {"proxy header", test_proxy_header}, {"tcp", test_tcp},
		{"tcp limits", test_tcp_limits}, {"udp", test_udp},
	};
	int before = open_descriptors();
	for (size_t at = 0; at < sizeof tests / sizeof *tests; at++) {
		tests[at].run();
		CHECK(open_descriptors() == before);
		printf("%s: passed\n", tests[at].name);
	}
	return 0;
}
