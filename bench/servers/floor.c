/*
 * Benchmark peer: the least that an HTTP server on epoll can do, `floor [threads]`. Compiled by ../support/peers.ts.
 *
 * Each thread has a listening socket of its own (SO_REUSEPORT), one level-triggered epoll, and three system calls for a
 * request: epoll_wait, recv, send. It counts the ends of request heads, whatever is in them, and answers all that came
 * with one read by one send of so many copies of one fixed answer, that of the scenario's path. No parser, no limits, no timeouts, no bodies: what
 * it costs is what the kernel costs, and no server that answers HTTP can be cheaper by more than its system calls.
 *
 * Prints {"port":N} and ends at the end of standard input.
 */
#include "floor.h"
#include <pthread.h>

/* How many bytes of CR LF CR LF a connection has seen at the end of its last read. */
static unsigned char matched[MAX_FDS];

/* Counts the heads that end in these bytes. */
static int count_heads(int fd, const char *bytes, ssize_t length) {
  int heads = 0;
  for (ssize_t end = 0; (end = find_head_end(&matched[fd], bytes, end, length)) >= 0;) heads++;
  return heads;
}

static void accept_all(int epoll, int listener) {
  for (int fd; (fd = accept_client(listener)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    matched[fd] = 0;
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
  int closes = asks_to_close(buffer, length);
  while (heads > 0) {
    int batch = heads < MAX_ANSWERS ? heads : MAX_ANSWERS;
    if (send(fd, answers, batch * answer_bytes, MSG_NOSIGNAL) < (ssize_t)(batch * answer_bytes)) closes = 1;
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
  int port = wanted_port();
  fill_answers();
  for (int index = 0; index < threads; index++) {
    int listener = open_listener(port);
    pthread_t thread;
    port = port_of(listener);
    if (pthread_create(&thread, NULL, run, (void *)(long)listener) != 0) return 1;
  }
  announce(port);
  await_end();
  return 0;
}
