#include "check.h"

/** Runs all tests of the core, with calls one by one and together; a descriptor that is left open fails them. */
int main(void)
{
	static const struct {
		const char* name;
		void (*run)(void);
	} tests[] = {
		{"wheel", test_wheel},           {"proxy header", test_proxy_header}, {"tcp", test_tcp},
		{"tcp limits", test_tcp_limits}, {"fairness", test_fairness},         {"udp", test_udp},
		{"udp joined", test_udp_joined}, {"memory", test_memory},             {"ring", test_ring},
		{"wait", test_wait},
	};
	int before = open_descriptors();
	for (size_t at = 0; at < sizeof tests / sizeof *tests; at++) {
		for (world_together_from = 0; world_together_from < 2; world_together_from++) {
			tests[at].run();
			CHECK(open_descriptors() == before);
		}
		printf("%s: passed\n", tests[at].name);
	}
	for (world_together_from = 0; world_together_from < 2; world_together_from++) {
		bool ran = test_in_namespace();
		CHECK(open_descriptors() == before);
		if (world_together_from == 1)
			printf("network namespace: %s\n", ran ? "passed" : "not given");
	}
	return 0;
}
