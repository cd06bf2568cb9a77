/*
 * What the floors share (floor.c, floor-file.c, floor-pool.c): the fixed answer, listening, accepting, and where a head ends.
 *
 * Included once by each program; everything is static.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 65536
#define MAX_ANSWERS 256
#define EVENTS 512

#define HEAD \
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=utf-8\r\n" \
  "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: "
#define JSON_HEAD \
  "HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=utf-8\r\n" \
  "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: "

/* What the app (app.ts) answers to the paths that a scenario asks for; the first for all others. */
static const struct {
  const char *path, *answer;
} ANSWERS[] = {
  {"/", HEAD "13\r\n\r\nHello, World!"},
  {"/json", JSON_HEAD "52\r\n\r\n{\"message\":\"Hello, World!\",\"id\":42,\"tags\":[\"a\",\"b\"]}"},
  {"/users/42", HEAD "2\r\n\r\n42"},
};
#define LONGEST_ANSWER 256

/* So many copies of the answer as one send may need, and the length of one. */
static char answers[MAX_ANSWERS * LONGEST_ANSWER];
static size_t answer_bytes;

/* The answer is chosen once, by BENCH_PATH: what a request asks for is not looked at. */
static inline void fill_answers(void) {
  const char *path = getenv("BENCH_PATH"), *answer = ANSWERS[0].answer;
  for (size_t index = 0; path != NULL && index < sizeof ANSWERS / sizeof *ANSWERS; index++)
    if (strcmp(path, ANSWERS[index].path) == 0) answer = ANSWERS[index].answer;
  answer_bytes = strlen(answer);
  for (int index = 0; index < MAX_ANSWERS; index++)
    memcpy(answers + index * answer_bytes, answer, answer_bytes);
}

/* The port that the benchmark asks for; 0 for any. */
static int wanted_port(void) {
  const char *wanted = getenv("BENCH_PORT");
  return wanted == NULL ? 0 : atoi(wanted);
}

static int open_listener(int port) {
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
    perror("floor: listen");
    exit(1);
  }
  return fd;
}

static int port_of(int listener) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  getsockname(listener, (struct sockaddr *)&address, &length);
  return ntohs(address.sin_port);
}

/* The next client, or -1 when none is waiting. */
static int accept_client(int listener) {
  for (;;) {
    int one = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return -1;
    if (fd < MAX_FDS) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      return fd;
    }
    close(fd);
  }
}

/*
 * Where the first head in these bytes ends, or -1 when it does not end in them. `matched` says how many bytes of
 * CR LF CR LF were seen at the end of the read before, and is moved on.
 */
static inline ssize_t find_head_end(unsigned char *matched, const char *bytes, ssize_t from, ssize_t length) {
  static const char END[] = "\r\n\r\n";
  int state = *matched;
  for (ssize_t index = from; index < length; index++) {
    if (bytes[index] != END[state]) {
      state = bytes[index] == '\r';
    } else if (++state == 4) {
      *matched = 0;
      return index + 1;
    }
  }
  *matched = (unsigned char)state;
  return -1;
}

static int asks_to_close(const char *bytes, ssize_t length) {
  return memmem(bytes, length, "Connection: close", 17) != NULL;
}

/* Tells the benchmark the port. */
static void announce(int port) {
  printf("{\"port\":%d}\n", port);
  fflush(stdout);
}

/* Returns at the end of standard input. */
static void await_end(void) {
  char byte;
  while (read(0, &byte, 1) > 0);
}
