/*
 * How a thread of floor-pool.c waits for another, as epollo does it: it gives its processor away some times before it sleeps,
 * while that pays (src/roles/yielding-wait.ts, spin-luck.ts), and has a short time slice (ffi/scheduling.ts).
 */
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define YIELDS 40
#define WORTH_NS 1000000
#define SLICE_NS 100000

/* Whether a wait is likely to end well, by how the last ones did. Each thread has its own. */
struct luck {
  int luck, sleeps;
};
#define FIRST_LUCK 2

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int is_due(struct luck *luck) {
  if (luck->luck > 0) return 1;
  if (++luck->sleeps < 64) return 0;
  luck->sleeps = 0;
  return 1;
}

static void note(struct luck *luck, int is_rewarded) {
  int before = luck->luck > 0 ? luck->luck : 0;
  luck->luck = is_rewarded ? (before < 8 ? before + 1 : 8) : (before > 2 ? before - 2 : 0);
}

/* Gives the processor away until there is something, some times. */
static int yields_until(int (*look)(void), struct luck *luck) {
  if (!is_due(luck)) return 0;
  int64_t start = now_ns();
  int is_found = 0, is_worth = 1;
  for (int yields = 0; yields < YIELDS && !is_found && is_worth; yields++) {
    sched_yield();
    is_found = look();
    is_worth = now_ns() - start < WORTH_NS;
  }
  note(luck, is_found && is_worth);
  return is_found;
}

/* The shortest time slice that Linux grants, as ffi/scheduling.ts asks for it. */
static void request_short_slice(void) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {.size = sizeof attributes, .runtime = SLICE_NS};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}
