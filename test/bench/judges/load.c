/*
 * load: the clients of one run. Connects them all, begins their turns one after another, waits for the warm-up, measures
 * for the window, lets the turns under way end, and prints one line of JSON:
 *
 *   seconds, events, turns, cpuUs   of the window; cpuUs is the watched process's
 *   p50Us, p99Us, maxUs             from an event's sending by the provider to its arrival, without the slow clients
 *   residentBeforeKiB, residentKiB  of the watched process, before the first connection and at the end of the window
 *
 * Everything is checked: each answer's first and last event, the number of each event between. What is wrong ends the
 * run with code 1 and a sentence.
 */
#define _GNU_SOURCE
#include "client.h"
#include "net.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define MAX_EVENTS 256
/* A listener's queue is finite, and so is a client's patience: so many connects at a time. */
#define MAX_CONNECTING 64
/* A connect, or the rest of a turn, may take so long. */
#define PATIENCE_NS (30 * NS_PER_S)
#define SLOW_TICK_NS (20 * NS_PER_MS)

struct options {
  int clients, slow_clients;
  long slow_bytes_per_s;
  /* Between the beginnings of the clients' first turns. */
  long stagger_us;
  long warm_up_ms, window_ms;
  /* The process in the middle; 0: there is none. */
  int watched;
  const char *path, *body_file;
  /* The connections are only held. */
  int is_idle;
};

static struct run run;
static struct client *clients;
static struct options options = {.clients = 1, .path = "/v1/responses", .warm_up_ms = 500, .window_ms = 2000};

static void parse_options(int count, char **arguments) {
  enum { MODE, PORT, PATH, BODY, CLIENTS, EVENTS, STAGGER, WARM_UP, WINDOW, WATCH, SLOW, SLOW_RATE };
  static const struct option names[] = {
      {"mode", 1, 0, MODE},          {"port", 1, 0, PORT},           {"path", 1, 0, PATH},
      {"body", 1, 0, BODY},          {"clients", 1, 0, CLIENTS},     {"events", 1, 0, EVENTS},
      {"stagger-us", 1, 0, STAGGER}, {"warm-up-ms", 1, 0, WARM_UP},  {"window-ms", 1, 0, WINDOW},
      {"watch", 1, 0, WATCH},        {"slow-clients", 1, 0, SLOW},   {"slow-bytes-per-s", 1, 0, SLOW_RATE},
      {"idle", 0, &options.is_idle, 1}, {0, 0, 0, 0}};
  int found;
  while ((found = getopt_long(count, arguments, "", names, NULL)) != -1) {
    if (found == 0 && options.is_idle) continue;
    switch (found) {
      case MODE: run.mode = strcmp(optarg, "ws") == 0 ? WEBSOCKET : SSE; break;
      case PORT: run.port = atoi(optarg); break;
      case PATH: options.path = optarg; break;
      case BODY: options.body_file = optarg; break;
      case CLIENTS: options.clients = atoi(optarg); break;
      case EVENTS: run.events_per_turn = atol(optarg); break;
      case STAGGER: options.stagger_us = atol(optarg); break;
      case WARM_UP: options.warm_up_ms = atol(optarg); break;
      case WINDOW: options.window_ms = atol(optarg); break;
      case WATCH: options.watched = atoi(optarg); break;
      case SLOW: options.slow_clients = atoi(optarg); break;
      case SLOW_RATE: options.slow_bytes_per_s = atol(optarg); break;
      default: exit(2);
    }
  }
}

/* Serves the clients until `until`, or until `is_done`. Slow ones read at each tick. */
static void serve_until(uint64_t until, int (*is_done)(void)) {
  struct epoll_event events[MAX_EVENTS];
  uint64_t tick = options.slow_clients > 0 ? now_ns() : UINT64_MAX;
  while (!(is_done != NULL && is_done()) && now_ns() < until) {
    int happened = wait_until(run.epoll, events, MAX_EVENTS, tick < until ? tick : until);
    for (int i = 0; i < happened; i++) {
      struct client *client = events[i].data.ptr;
      if (client->state != CLOSED) on_client_event(&run, client, events[i].events);
    }
    if (now_ns() < tick) continue;
    tick += SLOW_TICK_NS;
    size_t bytes = (size_t)((uint64_t)options.slow_bytes_per_s * SLOW_TICK_NS / NS_PER_S);
    for (int i = 0; i < options.slow_clients; i++)
      if (clients[i].state == IN_TURN) read_some(&run, &clients[i], bytes);
  }
}

static int opened;

static int has_room_to_connect(void) { return opened - run.connected < MAX_CONNECTING; }
static int are_all_connected(void) { return run.connected == options.clients; }
static int are_all_idle(void) { return run.in_turn == 0; }

static void connect_all(void) {
  for (opened = 0; opened < options.clients; opened++) {
    if (!has_room_to_connect()) serve_until(now_ns() + PATIENCE_NS, has_room_to_connect);
    if (!has_room_to_connect()) die("connecting takes too long: %d are connected", run.connected);
    clients[opened].is_slow = opened < options.slow_clients;
    open_client(&run, &clients[opened]);
  }
  serve_until(now_ns() + PATIENCE_NS, are_all_connected);
  if (!are_all_connected()) die("connecting takes too long: %d are connected", run.connected);
}

static void begin_all(void) {
  uint64_t next = now_ns();
  for (int i = 0; i < options.clients; i++) {
    begin_turn(&run, &clients[i]);
    next += (uint64_t)options.stagger_us * NS_PER_US;
    serve_until(next, NULL);
  }
}

/* Slow clients would take for ever: they go, and the provider must stand it. */
static void end_all(void) {
  run.is_ending = 1;
  for (int i = 0; i < options.slow_clients; i++) close_client(&run, &clients[i]);
  serve_until(now_ns() + PATIENCE_NS, are_all_idle);
  if (!are_all_idle()) die("%d turns did not end", run.in_turn);
}

static char *read_body(size_t *bytes) {
  FILE *file = options.body_file == NULL ? NULL : fopen(options.body_file, "r");
  struct stat facts;
  if (file == NULL || fstat(fileno(file), &facts) != 0) die("--body: %s", strerror(errno));
  char *body = allocate((size_t)facts.st_size + 1);
  *bytes = fread(body, 1, (size_t)facts.st_size, file);
  fclose(file);
  return body;
}

/* The three phases that count; prints what came of them. */
static void measure(long resident_before) {
  int watched = options.watched;
  serve_until(now_ns() + (uint64_t)options.warm_up_ms * NS_PER_MS, NULL);
  uint64_t events = run.events, turns = run.turns, begun = now_ns();
  uint64_t cpu = watched ? cpu_ns(watched) : 0;
  run.is_measuring = 1;
  serve_until(begun + (uint64_t)options.window_ms * NS_PER_MS, NULL);
  run.is_measuring = 0;
  cpu = watched ? cpu_ns(watched) - cpu : 0;
  events = run.events - events;
  turns = run.turns - turns;
  double seconds = (double)(now_ns() - begun) / NS_PER_S;
  long resident = watched ? resident_kib(watched) : 0;
  end_all();
  if (!options.is_idle && events == 0) die("no event came within the window: is this machine busy with something else?");
  printf("{\"seconds\":%.6f,\"events\":%lu,\"turns\":%lu,\"cpuUs\":%.1f,\"p50Us\":%.1f,\"p99Us\":%.1f,"
         "\"maxUs\":%.1f,\"residentBeforeKiB\":%ld,\"residentKiB\":%ld}\n",
         seconds, (unsigned long)events, (unsigned long)turns, (double)cpu / NS_PER_US,
         latency_at(&run.latencies, 0.5), latency_at(&run.latencies, 0.99),
         (double)run.latencies.max_ns / NS_PER_US, resident_before, resident);
}

int main(int count, char **arguments) {
  size_t body_bytes;
  parse_options(count, arguments);
  prctl(PR_SET_TIMERSLACK, 1);
  need_files((unsigned long)options.clients + 32);
  run.epoll = epoll_create1(0);
  char *body = read_body(&body_bytes);
  prepare_requests(&run, options.path, body, body_bytes);
  clients = allocate((size_t)options.clients * sizeof *clients);
  long resident_before = options.watched ? resident_kib(options.watched) : 0;
  connect_all();
  if (!options.is_idle) begin_all();
  measure(resident_before);
  return 0;
}
