#include "load.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void hold(int port, int count)
{
	struct sockaddr_in to = loopback(port);
	for (int at = 0; at < count; at++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			die("socket");
		if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0)
			die("connect");
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
