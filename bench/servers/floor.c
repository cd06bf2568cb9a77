/*
 * Benchmark peer: the least that an HTTP server on epoll can do, `floor [threads]`. Compiled by ../support/peers.ts.
 *
 * Each thread has a listening socket of its own (SO_REUSEPORT), one level-triggered epoll, and three system calls for a
 * request: epoll_wait, recv, send. It counts the ends of request heads, whatever is in them, and answers all that came
 * with one read by one send of so many copies of one fixed answer. No parser, no limits, no timeouts, no bodies: what
 * it costs is what the kernel costs, and no server that answers HTTP can be cheaper by more than its system calls.
 *
 * Prints {"port":N} and ends at the end of standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 65536
#define MAX_ANSWERS 256
#define EVENTS 512

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=utf-8\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 13\r\n\r\nHello, World!";
#define ANSWER_BYTES (sizeof(ANSWER) - 1)

static char answers[MAX_ANSWERS * ANSWER_BYTES];
/* How many bytes of CR LF CR LF a connection has seen at the end of its last read. */
static unsigned char matched[MAX_FDS];

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

/* Counts the heads that end in these bytes. */
static int count_heads(int fd, const char *bytes, ssize_t length) {
  static const char END[] = "\r\n\r\n";
  int state = matched[fd], heads = 0;
  for (ssize_t index = 0; index < length; index++) {
    if (bytes[index] == END[state]) {
      if (++state == 4) heads++, state = 0;
    } else {
      state = bytes[index] == '\r';
    }
  }
  matched[fd] = (unsigned char)state;
  return heads;
}

static void accept_all(int epoll, int listener) {
  for (;;) {
    int one = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
      close(fd);
      continue;
    }
    matched[fd] = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void serve_client(int fd, char *buffer, size_t capacity) {
  ssize_t length = recv(fd, buffer, capacity, 0);
  if (length <= 0) {
    close(fd);
    return;
  }
  int heads = count_heads(fd, buffer, length);
  int closes = memmem(buffer, length, "Connection: close", 17) != NULL;
  while (heads > 0) {
    int batch = heads < MAX_ANSWERS ? heads : MAX_ANSWERS;
    if (send(fd, answers, batch * ANSWER_BYTES, MSG_NOSIGNAL) < (ssize_t)(batch * ANSWER_BYTES)) closes = 1;
    heads -= batch;
  }
  if (closes) close(fd);
}

static void *run(void *argument) {
  int listener = (int)(long)argument;
  int epoll = epoll_create1(0);
  struct epoll_event events[EVENTS];
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  static __thread char buffer[65536];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int index = 0; index < count; index++) {
      if (events[index].data.fd == listener) accept_all(epoll, listener);
      else serve_client(events[index].data.fd, buffer, sizeof buffer);
    }
  }
  return NULL;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  const char *wanted = getenv("BENCH_PORT");
  int port = wanted == NULL ? 0 : atoi(wanted);
  for (int index = 0; index < MAX_ANSWERS; index++)
    memcpy(answers + index * ANSWER_BYTES, ANSWER, ANSWER_BYTES);
  for (int index = 0; index < threads; index++) {
    int listener = open_listener(port);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    pthread_t thread;
    getsockname(listener, (struct sockaddr *)&address, &length);
    port = ntohs(address.sin_port);
    if (pthread_create(&thread, NULL, run, (void *)(long)listener) != 0) return 1;
  }
  printf("{\"port\":%d}\n", port);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0);
  return 0;
}
