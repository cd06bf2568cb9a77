/*
 * Benchmark peer: the least that a server must do which hands requests over to other threads. Compiled by
 * ../support/peers.ts.
 *
 *   floor-pool main [options]            every request runs on the process's main thread: the floor of main mode
 *   floor-pool pool WORKERS [options]    text is answered on the epoll thread, what computes or waits by workers
 *
 * One thread has the sockets (edge-triggered epoll, one recv for each event) and, by default, sends all answers. Tasks go
 * through one lock-free ring from which each free worker takes the next, results come back through a ring of each worker.
 * Nobody is woken who has not said that he sleeps: a futex for workers, an eventfd for the epoll thread. It knows the
 * targets "/cpu/<ms>", "/wait/<ms>" and "/mixed?slow" of app.ts, does the same work for them, and takes all others for
 * text. No parser, no limits, no bodies, and answers of one client leave in the order in which they are ready.
 *
 *   sleep           a thread without work sleeps at once
 *   yield           it gives its processor away up to 40 times before, while that pays (default; as epollo does)
 *   spin            it never sleeps
 *   batch           others are woken when a thread has done all that it had, not at each task and result
 *   worker-sends    workers send answers themselves; the epoll thread only reads
 *   kernel-slice    time slices as the kernel gives them, for the workers; otherwise the shortest for all threads
 *   idle-workers    workers run under SCHED_IDLE: everybody else goes first
 *
 * Prints {"port":N} and ends at the end of standard input.
 */
#include "floor.h"
#include "floor-queue.h"
#include "floor-wait.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define MAX_WORKERS 64
#define TARGET_BYTES 32
#define CLOSING 0x80000000u

enum waiting { SLEEP, YIELD, SPIN };

static struct {
  int is_main, workers, wakes_late, worker_sends, has_kernel_slice, is_idle;
  enum waiting waiting;
  double rounds_per_ms;
} options = {.workers = 1, .waiting = YIELD, .rounds_per_ms = 1e6};

struct result {
  struct task task;
  int32_t value;
};

struct wait {
  int64_t due_ns;
  struct task task;
};

struct worker {
  /* 1 while it sleeps or is about to: what it sleeps on (src/shm/parker.ts). */
  APART atomic_int is_asleep;
  APART atomic_uint result_tail;
  APART atomic_uint result_head;
  APART struct result results[RING_ENTRIES];
  struct wait waits[RING_ENTRIES];
  unsigned first_wait, end_wait;
  struct luck luck;
};

static struct client {
  /* Tasks that are away, and whether the last of them closes the connection. */
  atomic_uint away;
  unsigned char matched, kept;
  /* How the target begins while the head is not complete. */
  char start[TARGET_BYTES];
} clients[MAX_FDS];

static APART atomic_int is_poller_asleep;
static struct worker workers[MAX_WORKERS];
static int epoll, listener, wake_fd;
/* Owned by the epoll thread. */
static unsigned unanswered;
static int has_new_tasks;
static struct luck poller_luck = {.luck = FIRST_LUCK};

/* ---- tasks: from the epoll thread to whichever worker is free ---- */

/* Wakes one worker, if any sleeps. */
static void wake_worker(void) {
  for (int index = 0; index < options.workers; index++) {
    atomic_int *word = &workers[index].is_asleep;
    if (!atomic_load(word) || !atomic_exchange(word, 0)) continue;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return;
  }
}

static void hand_over(struct task task) {
  atomic_fetch_add(&clients[task.fd].away, 1);
  give_task(task);
  unanswered++;
  if (options.wakes_late) has_new_tasks++;
  else wake_worker();
}

/* ---- answers ---- */

static void send_answers(struct task task, int32_t value) {
  int is_short = 0;
  if (task.kind == COMPUTE) {
    char number[16], answer[256];
    int digits = snprintf(number, sizeof number, "%d", value);
    int length = snprintf(answer, sizeof answer, HEAD "%d\r\n\r\n%s", digits, number);
    for (unsigned index = 0; index < task.count; index++)
      is_short |= send(task.fd, answer, length, MSG_NOSIGNAL) < length;
  } else {
    ssize_t length = task.count * answer_bytes;
    is_short = send(task.fd, answers, length, MSG_NOSIGNAL) < length;
  }
  if (is_short) shutdown(task.fd, SHUT_RDWR);
}

/* The last answer of a client that leaves closes its socket, whoever sends it. */
static void settle(struct task task, int32_t value) {
  send_answers(task, value);
  if (atomic_fetch_sub(&clients[task.fd].away, 1) == CLOSING + 1) close(task.fd);
}

static int has_result(void) {
  for (int index = 0; index < options.workers; index++) {
    struct worker *worker = &workers[index];
    if (atomic_load_explicit(&worker->result_head, memory_order_relaxed) != atomic_load(&worker->result_tail)) return 1;
  }
  return 0;
}

static void take_results(void) {
  for (int index = 0; index < options.workers; index++) {
    struct worker *worker = &workers[index];
    unsigned head = atomic_load_explicit(&worker->result_head, memory_order_relaxed);
    for (; head != atomic_load(&worker->result_tail); head++, unanswered--) {
      struct result *result = &worker->results[head % RING_ENTRIES];
      settle(result->task, result->value);
    }
    atomic_store_explicit(&worker->result_head, head, memory_order_release);
  }
}

static void wake_poller(void) {
  uint64_t one = 1;
  if (atomic_load(&is_poller_asleep) && atomic_exchange(&is_poller_asleep, 0)) {
    if (write(wake_fd, &one, sizeof one) < 0) perror("floor-pool: eventfd");
  }
}

static void answer(struct worker *worker, struct task task, int32_t value) {
  if (options.worker_sends) {
    settle(task, value);
    return;
  }
  unsigned tail = atomic_load_explicit(&worker->result_tail, memory_order_relaxed);
  worker->results[tail % RING_ENTRIES] = (struct result){task, value};
  atomic_store(&worker->result_tail, tail + 1);
  if (!options.wakes_late) wake_poller();
}

/* ---- workers ---- */

/* The work of `compute` in app.ts. */
static int32_t compute(int64_t rounds) {
  uint32_t state = 0x9e3779b9;
  for (int64_t round = 0; round < rounds; round++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
  }
  return (int32_t)state;
}

static void begin_wait(struct worker *worker, struct task task) {
  int64_t due = now_ns() + task.milliseconds * 1000000ll;
  unsigned at = worker->end_wait++;
  for (; at != worker->first_wait && worker->waits[(at - 1) % RING_ENTRIES].due_ns > due; at--)
    worker->waits[at % RING_ENTRIES] = worker->waits[(at - 1) % RING_ENTRIES];
  worker->waits[at % RING_ENTRIES] = (struct wait){due, task};
}

/* Answers those that have waited long enough; returns for how long the next must, -1 without one. */
static int64_t end_waits(struct worker *worker) {
  if (worker->first_wait == worker->end_wait) return -1;
  int64_t now = now_ns();
  for (; worker->first_wait != worker->end_wait; worker->first_wait++) {
    struct wait *wait = &worker->waits[worker->first_wait % RING_ENTRIES];
    if (wait->due_ns > now) return wait->due_ns - now;
    answer(worker, wait->task, 0);
  }
  return -1;
}

static void run_task(struct worker *worker, struct task task) {
  int32_t value = 0;
  if (task.kind == WAIT) {
    begin_wait(worker, task);
    return;
  }
  if (task.kind == COMPUTE)
    for (unsigned index = 0; index < task.count; index++)
      value = compute((int64_t)(task.milliseconds * options.rounds_per_ms + 0.5));
  answer(worker, task, value);
}

static void sleep_worker(struct worker *worker, int64_t limit_ns) {
  struct timespec limit = {.tv_sec = limit_ns / 1000000000, .tv_nsec = limit_ns % 1000000000};
  atomic_store(&worker->is_asleep, 1);
  if (!has_task())
    syscall(SYS_futex, &worker->is_asleep, FUTEX_WAIT_PRIVATE, 1, limit_ns < 0 ? NULL : &limit, NULL, 0);
  atomic_store(&worker->is_asleep, 0);
}

static void *work(void *argument) {
  struct worker *worker = argument;
  struct sched_param none = {0};
  if (!options.has_kernel_slice) request_short_slice();
  if (options.is_idle) sched_setscheduler(0, SCHED_IDLE, &none);
  for (;;) {
    struct task task;
    int64_t limit = end_waits(worker);
    if (take_task(&task)) {
      run_task(worker, task);
      continue;
    }
    if (options.wakes_late) wake_poller();
    if (options.waiting == SPIN) sched_yield();
    else if (options.waiting == SLEEP || !yields_until(has_task, &worker->luck)) sleep_worker(worker, limit);
  }
  return NULL;
}

/* ---- the epoll thread ---- */

static struct task task_of(int fd, const char *head) {
  struct task task = {.fd = fd, .kind = TEXT, .count = 1};
  const char *target = head + 4;
  if (strncmp(target, "/cpu/", 5) == 0) task.kind = COMPUTE, task.milliseconds = atoi(target + 5);
  else if (strncmp(target, "/wait/", 6) == 0) task.kind = WAIT, task.milliseconds = atoi(target + 6);
  else if (strncmp(target, "/mixed?slow", 11) == 0) task.kind = COMPUTE, task.milliseconds = 20;
  return task;
}

static void serve_task(struct task task) {
  if (task.kind == TEXT && !options.is_main) send_answers(task, 0);
  else hand_over(task);
}

/* Serves all heads that end in these bytes, those in a row that ask for the same as one task. */
static void serve_heads(int fd, const char *bytes, ssize_t length) {
  struct client *client = &clients[fd];
  struct task former = {0};
  ssize_t start = 0, end;
  while ((end = find_head_end(&client->matched, bytes, start, length)) >= 0) {
    char head[TARGET_BYTES] = {0};
    size_t missing = TARGET_BYTES - 1 - client->kept, given = end - start;
    memcpy(head, client->start, client->kept);
    memcpy(head + client->kept, bytes + start, given < missing ? given : missing);
    client->kept = 0;
    start = end;
    struct task task = task_of(fd, head);
    if (former.count > 0 && former.count < MAX_ANSWERS && task.kind == former.kind &&
        task.milliseconds == former.milliseconds) {
      former.count++;
    } else {
      if (former.count > 0) serve_task(former);
      former = task;
    }
  }
  if (former.count > 0) serve_task(former);
  size_t room = TARGET_BYTES - 1 - client->kept, rest = length - start;
  size_t kept = rest < room ? rest : room;
  memcpy(client->start + client->kept, bytes + start, kept);
  client->kept += kept;
}

static void close_client(int fd) {
  if ((atomic_fetch_or(&clients[fd].away, CLOSING) & ~CLOSING) > 0) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
  else close(fd);
}

static void serve_client(int fd, int has_ended, char *buffer, ssize_t capacity) {
  ssize_t length;
  do {
    length = recv(fd, buffer, capacity, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      close_client(fd);
      return;
    }
    serve_heads(fd, buffer, length);
    if (asks_to_close(buffer, length)) {
      close_client(fd);
      return;
    }
  } while (length == capacity || has_ended);
}

static void accept_all(void) {
  for (int fd; (fd = accept_client(listener)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    atomic_store(&clients[fd].away, 0);
    clients[fd].matched = clients[fd].kept = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

/* Waits for sockets and results; returns the number of events. */
static int poll_sockets(struct epoll_event *events) {
  if (options.waiting == SPIN) {
    int count = epoll_wait(epoll, events, EVENTS, 0);
    if (count == 0 && !has_result()) sched_yield();
    return count;
  }
  if (unanswered == 0 || options.worker_sends) return epoll_wait(epoll, events, EVENTS, -1);
  if (options.waiting == YIELD && yields_until(has_result, &poller_luck)) return epoll_wait(epoll, events, EVENTS, 0);
  atomic_store(&is_poller_asleep, 1);
  int count = epoll_wait(epoll, events, EVENTS, has_result() ? 0 : -1);
  atomic_store(&is_poller_asleep, 0);
  return count;
}

static void *poll_all(void *argument) {
  static char buffer[65536];
  struct epoll_event events[EVENTS];
  request_short_slice();
  for (;;) {
    if (!options.worker_sends) take_results();
    int count = poll_sockets(events);
    for (int index = 0; index < count; index++) {
      int fd = events[index].data.fd;
      uint64_t wake_ups;
      if (fd == listener) accept_all();
      else if (fd != wake_fd) serve_client(fd, events[index].events & EPOLLRDHUP, buffer, sizeof buffer);
      else if (read(wake_fd, &wake_ups, sizeof wake_ups) < 0) perror("floor-pool: eventfd");
    }
    for (; has_new_tasks > 0; has_new_tasks--) wake_worker();
  }
  return argument;
}

static void *end_with_input(void *argument) {
  await_end();
  exit(0);
  return argument;
}

static void read_options(int count, char **arguments) {
  const char *rounds = getenv("BENCH_CPU_ROUNDS_PER_MS");
  if (rounds != NULL) options.rounds_per_ms = atof(rounds);
  options.is_main = count > 1 && strcmp(arguments[1], "main") == 0;
  if (!options.is_main && count > 2) options.workers = atoi(arguments[2]);
  if (options.workers < 1 || options.workers > MAX_WORKERS) options.workers = 1;
  for (int index = 2; index < count; index++) {
    const char *option = arguments[index];
    if (strcmp(option, "sleep") == 0) options.waiting = SLEEP;
    if (strcmp(option, "spin") == 0) options.waiting = SPIN;
    if (strcmp(option, "batch") == 0) options.wakes_late = 1;
    if (strcmp(option, "worker-sends") == 0) options.worker_sends = 1;
    if (strcmp(option, "kernel-slice") == 0) options.has_kernel_slice = 1;
    if (strcmp(option, "idle-workers") == 0) options.is_idle = 1;
  }
}

int main(int count, char **arguments) {
  pthread_t thread;
  read_options(count, arguments);
  fill_answers();
  listener = open_listener(wanted_port());
  wake_fd = eventfd(0, EFD_NONBLOCK);
  epoll = epoll_create1(0);
  struct epoll_event listens = {.events = EPOLLIN, .data.fd = listener};
  struct epoll_event wakes_up = {.events = EPOLLIN | EPOLLET, .data.fd = wake_fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listens);
  epoll_ctl(epoll, EPOLL_CTL_ADD, wake_fd, &wakes_up);
  for (int index = 0; index < options.workers; index++) workers[index].luck.luck = FIRST_LUCK;
  if (pthread_create(&thread, NULL, poll_all, NULL) != 0) return 1;
  for (int index = 1; index < options.workers; index++)
    if (pthread_create(&thread, NULL, work, &workers[index]) != 0) return 1;
  if (pthread_create(&thread, NULL, end_with_input, NULL) != 0) return 1;
  announce(port_of(listener));
  work(&workers[0]);
  return 0;
}
