/*
 * Benchmark peer: the least that a server can do that sends a file, `floor-file [threads] [send buffer]`. Compiled by ../support/peers.ts.
 *
 * As floor.c, but each request is answered with the file BENCH_FILE, which is opened once: the head by send with MSG_MORE, the file by
 * sendfile, as much a call as the socket takes. Its epoll is edge-triggered, so that waiting for room takes no system call but
 * epoll_wait. The send buffer is in bytes, which the kernel doubles; 0 leaves it to the kernel, which lets it grow to 4 MB.
 *
 * Prints {"port":N} and ends at the end of standard input.
 */
#include "floor.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* What is known of each connection: bytes of CR LF CR LF seen, answers owed, and how much of the file the one on its way has sent. */
static struct client {
  unsigned char matched, closes, has_begun;
  int owed;
  off_t at;
} clients[MAX_FDS];

static int file, send_buffer;
static off_t file_bytes;
static char head[256];
static int head_bytes;

static void open_file(void) {
  const char *path = getenv("BENCH_FILE");
  struct stat status;
  if (path == NULL || (file = open(path, O_RDONLY)) < 0 || fstat(file, &status) < 0) {
    perror("floor-file: BENCH_FILE");
    exit(1);
  }
  file_bytes = status.st_size;
  head_bytes = snprintf(head, sizeof head, HEAD "%lld\r\n\r\n", (long long)file_bytes);
}

static void accept_all(int epoll, int listener) {
  for (int fd; (fd = accept_client(listener)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
    clients[fd] = (struct client){0};
    if (send_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

/* Reads all that is there. Returns 0 when the client has left. */
static int receive(int fd, struct client *client, char *buffer, ssize_t capacity) {
  for (;;) {
    ssize_t length = recv(fd, buffer, capacity, 0);
    if (length == 0) return 0;
    if (length < 0) return errno == EAGAIN;
    for (ssize_t end = 0; (end = find_head_end(&client->matched, buffer, end, length)) >= 0;) client->owed++;
    if (asks_to_close(buffer, length)) client->closes = 1;
    if (length < capacity) return 1;
  }
}

/* Sends as much as the socket takes. Returns 0 when the connection is over. */
static int send_owed(int fd, struct client *client) {
  while (client->owed > 0) {
    if (!client->has_begun) {
      ssize_t sent = send(fd, head, head_bytes, MSG_MORE | MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      if (sent < head_bytes) return 0;
      client->has_begun = 1;
      client->at = 0;
    }
    ssize_t sent = sendfile(fd, file, &client->at, file_bytes - client->at);
    if (sent < 0) return errno == EAGAIN;
    if (client->at < file_bytes) return sent > 0;
    client->has_begun = 0;
    client->owed--;
  }
  return !client->closes;
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
      int fd = events[index].data.fd;
      struct client *client = &clients[fd];
      if (fd == listener) accept_all(epoll, listener);
      else if ((events[index].events & ~EPOLLOUT && !receive(fd, client, buffer, sizeof buffer)) || !send_owed(fd, client))
        close(fd);
    }
  }
  return NULL;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  int port = wanted_port();
  send_buffer = count > 2 ? atoi(arguments[2]) : 0;
  open_file();
  /* sendfile has no MSG_NOSIGNAL. */
  signal(SIGPIPE, SIG_IGN);
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
