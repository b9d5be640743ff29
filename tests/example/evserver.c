// SPDX-License-Identifier: GPL-2.0
/*
 * Tests examples/evserver.c: files whole, small and large; what is not there; slow clients;
 * more clients than it has descriptors for.
 */
#include "accept.h"

#define main example_main
#include "../../examples/evserver.c"
#undef main

#define HEADER	"HTTP/1.0 200 OK\r\n\r\n"
#define LARGE	(8u << 20)	/* more than sockets take */

static char directory[] = "/tmp/evserverXXXXXX";

static void run_example(void *arg)
{
	char *argv[] = { "evserver", arg, NULL };

	FAIL("the server ended with %d", example_main(2, argv));
}

static char file_byte(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void make_file(const char *name, size_t size)
{
	char path[128], *content = malloc(size);
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (i = 0; i < size; i++)
		content[i] = file_byte(i);
	fd = CHECK_OK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	CHECK_EQ(write(fd, content, size), size);
	CHECK_OK(close(fd));
	free(content);
}

static void start(void)
{
	CHECK(mkdtemp(directory));
	make_file("index.html", 100);
	make_file("large", LARGE);
	start_child(run_example, directory);
}

static int dial(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(8080),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

	CHECK_SOON(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static void say(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int ask(const char *request)
{
	int fd = dial();

	say(fd, request);
	return fd;
}

/* The header, so many bytes of the file, and the end. */
static void check_file(int fd, size_t size)
{
	const size_t header = strlen(HEADER);
	char *all = malloc(header + size + 1);
	size_t i;

	CHECK(all);
	CHECK_EQ(recv(fd, all, header + size + 1, MSG_WAITALL), header + size);
	CHECK(!memcmp(all, HEADER, header));
	for (i = 0; i < size; i++)
		CHECK_EQ(all[header + i], file_byte(i));
	free(all);
	CHECK_OK(close(fd));
}

static void check_refused(const char *request)
{
	char answer[128] = "";
	int fd = ask(request);

	CHECK_OK(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL));
	CHECK(!strncmp(answer, "HTTP/1.0 404", 12));
	CHECK_OK(close(fd));
}

TEST(files)
{
	start();
	check_file(ask("GET / HTTP/1.0\r\n\r\n"), 100);
	check_file(ask("GET /index.html?x HTTP/1.1\r\nHost: x\r\n\r\n"), 100);
	check_file(ask("GET /large HTTP/1.0\r\n\r\n"), LARGE);
}

TEST(refused)
{
	start();
	check_refused("GET /nothing HTTP/1.0\r\n\r\n");
	check_refused("GET /../etc/passwd HTTP/1.0\r\n\r\n");
	check_refused("GET //etc/passwd HTTP/1.0\r\n\r\n");
	check_refused("POST / HTTP/1.0\r\n\r\n");
	check_refused("\r\n\r\n");
}

/* A request in pieces, and many at once beside those who do not read. */
TEST(slow_clients)
{
	int slow[4], pieces, many[30];
	unsigned int i;

	start();
	pieces = ask("GET /index");
	for (i = 0; i < ARRAY_SIZE(slow); i++)
		slow[i] = ask("GET /large HTTP/1.0\r\n\r\n");
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = ask("GET / HTTP/1.0\r\n\r\n");
	for (i = 0; i < ARRAY_SIZE(many); i++)
		check_file(many[i], 100);
	say(pieces, ".html HTTP/1.0\r\n\r");
	check_file(ask("GET / HTTP/1.0\r\n\r\n"), 100);
	say(pieces, "\n");
	check_file(pieces, 100);
	for (i = 0; i < ARRAY_SIZE(slow); i++)
		check_file(slow[i], LARGE);
}

/* Who leaves, before its request is whole or in its file, and who asks too much. */
TEST(leaves)
{
	char long_request[3000];
	int fd;

	start();
	CHECK_OK(close(ask("GET /index")));
	CHECK_OK(close(ask("GET /large HTTP/1.0\r\n\r\n")));
	memset(long_request, 'x', sizeof(long_request));
	fd = dial();
	CHECK_EQ(send(fd, long_request, sizeof(long_request), MSG_NOSIGNAL),
		 sizeof(long_request));
	CHECK_LE(recv(fd, long_request, 1, 0), 0);
	check_file(ask("GET / HTTP/1.0\r\n\r\n"), 100);
}

/* Room for its listener, its queue, two connections, and a file. */
static void run_with_few_descriptors(void *arg)
{
	leave_descriptors(5);
	run_example(arg);
}

/* More connect than it can accept; it does not try again in each round of its loop. */
TEST(out_of_descriptors)
{
	unsigned int i, before;
	int idle[6], talker;
	uint64_t begin;

	share_refusals();
	CHECK(mkdtemp(directory));
	make_file("index.html", 100);
	start_child(run_with_few_descriptors, directory);
	talker = dial();
	for (i = 0; i < ARRAY_SIZE(idle); i++)
		idle[i] = dial();
	CHECK_SOON(count_refusals() > 0);
	before = count_refusals();
	begin = now_ns();
	for (i = 0; i < 300; i++) {
		say(talker, "G");
		sched_yield();
	}
	CHECK_LE(count_refusals() - before, (now_ns() - begin) / RETRY_NS + 1);
	for (i = 0; i < ARRAY_SIZE(idle); i++)
		CHECK_OK(close(idle[i]));
	CHECK_OK(close(talker));
	check_file(ask("GET / HTTP/1.0\r\n\r\n"), 100);
}
