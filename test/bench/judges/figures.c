#define _GNU_SOURCE
#include "figures.h"
#include "net.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* log2(STEPS): latencies below 64 ns have a step each, every doubling above has 64. */
#define STEP_BITS 6

static unsigned step_of(uint64_t ns) {
  if (ns < STEPS) return (unsigned)ns;
  unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - STEP_BITS;
  unsigned step = (shift + 1) * STEPS + (unsigned)(ns >> shift) - STEPS;
  return step < DOUBLINGS * STEPS ? step : DOUBLINGS * STEPS - 1;
}

/* The smallest latency of a step: the inverse of step_of. */
static uint64_t start_of(unsigned step) {
  if (step < STEPS) return step;
  unsigned shift = step / STEPS - 1;
  return (uint64_t)(step % STEPS + STEPS) << shift;
}

void add_latency(struct latencies *latencies, uint64_t ns) {
  latencies->counts[step_of(ns)]++;
  latencies->total++;
  if (ns > latencies->max_ns) latencies->max_ns = ns;
}

double latency_at(const struct latencies *latencies, double share) {
  uint64_t seen = 0;
  for (unsigned step = 0; step < DOUBLINGS * STEPS; step++) {
    seen += latencies->counts[step];
    if (latencies->total > 0 && (double)seen >= share * (double)latencies->total)
      return (double)start_of(step) / NS_PER_US;
  }
  return 0;
}

uint64_t cpu_ns(int pid) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
    die("process %d is not there to be watched", pid);
  return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

long resident_kib(int pid) {
  char path[64], line[256];
  long kib = -1;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *status = fopen(path, "r");
  if (status == NULL) die("%s: %s", path, strerror(errno));
  while (kib < 0 && fgets(line, sizeof line, status) != NULL) sscanf(line, "VmRSS: %ld", &kib);
  fclose(status);
  return kib;
}
