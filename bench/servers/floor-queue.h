/*
 * The tasks of floor-pool.c: one lock-free ring, filled by the epoll thread, from which each free worker takes the next.
 */
#include <stdatomic.h>
#include <stdint.h>

/* More than there can be connections: no ring is ever full. */
#define RING_ENTRIES (2 * MAX_FDS)
#define APART _Alignas(128)

enum kind { TEXT, COMPUTE, WAIT };

/* So many requests of one client that ask for the same; one word, so that a worker can take it while others try to. */
struct task {
  uint32_t fd : 20, kind : 2, count : 10, milliseconds;
};

static APART atomic_uint task_tail;
static APART atomic_uint task_head;
static APART _Atomic struct task tasks[RING_ENTRIES];

static int has_task(void) {
  return atomic_load(&task_head) != atomic_load(&task_tail);
}

/* Epoll thread. Look for a worker that sleeps afterwards: both are ordered by the tail. */
static void give_task(struct task task) {
  unsigned tail = atomic_load_explicit(&task_tail, memory_order_relaxed);
  atomic_store_explicit(&tasks[tail % RING_ENTRIES], task, memory_order_relaxed);
  atomic_store(&task_tail, tail + 1);
}

/* Workers. An entry that is overwritten while it is read has been taken by another, so the exchange fails. */
static int take_task(struct task *task) {
  unsigned head = atomic_load(&task_head);
  while (head != atomic_load(&task_tail)) {
    *task = atomic_load_explicit(&tasks[head % RING_ENTRIES], memory_order_relaxed);
    if (atomic_compare_exchange_weak(&task_head, &head, head + 1)) return 1;
  }
  return 0;
}
