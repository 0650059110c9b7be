/* What a run comes to: latencies, and what the process in the middle used. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdint.h>

/* Each doubling of the latency has so many steps: an error of 1.6 % at most. */
#define STEPS 64
#define DOUBLINGS 40

/* Counts by latency; all zero when empty. */
struct latencies {
  uint64_t counts[DOUBLINGS * STEPS];
  uint64_t total, max_ns;
};

void add_latency(struct latencies *latencies, uint64_t ns);

/* The latency (µs) that the given share of all does not exceed; 0 when there is none. */
double latency_at(const struct latencies *latencies, double share);

/* CPU time of a whole process since its start, all threads, ns. */
uint64_t cpu_ns(int pid);

/* Its resident memory, KiB (VmRSS). */
long resident_kib(int pid);

#endif
