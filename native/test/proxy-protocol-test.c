#include "check.h"

#include "../core/proxy-protocol.h"

#include <string.h>

void test_proxy_header(void)
{
	struct sl_addr client4 = {.family = 4, .port = 56324, .ip = {0xc0000201}};
	struct sl_addr to4 = {.family = 4, .port = 443, .ip = {0xc6336401}};
	struct sl_addr client6 = {.family = 6, .port = 1, .ip = {0x20010db8, 0, 0, 1}};
	char out[SL_PROXY_BYTES];

	const char* line = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
	CHECK(sl_proxy_header(out, 1, &client4, &to4) == strlen(line));
	CHECK(memcmp(out, line, strlen(line)) == 0);
	line = "PROXY TCP6 2001:db8::1 2001:db8::1 1 1\r\n";
	CHECK(sl_proxy_header(out, 1, &client6, &client6) == strlen(line));
	CHECK(memcmp(out, line, strlen(line)) == 0);

	const unsigned char bytes[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11,
				       0,    12,   192,  0,    2,    1,    198,  51,   100,  1,    0xdc, 0x04, 0x01, 0xbb};
	CHECK(sl_proxy_header(out, 2, &client4, &to4) == sizeof bytes);
	CHECK(memcmp(out, bytes, sizeof bytes) == 0);
	CHECK(sl_proxy_header(out, 2, &client6, &client6) == 16 + 36);
}
