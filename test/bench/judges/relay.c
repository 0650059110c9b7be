/*
 * relay PORT: takes connections on a free port (printed first), opens one to PORT for each and copies bytes both ways.
 * One thread, one buffer, a read and a write per wake-up: the least that a process in the middle can cost, which is
 * what the bridge is compared with. A side that takes nothing stops the reading of the other one.
 */
#include "net.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define MAX_EVENTS 256

struct link;

struct side {
  int fd; /* -1: closed */
  uint32_t wanted;
  struct side *other;
  struct link *link;
  /* What this side has not taken yet. */
  char *waiting;
  size_t waiting_bytes;
};

struct link {
  struct side client, provider;
  struct link *next_closed;
};

static int epoll;
static char buffer[BUFFER_BYTES];
/* Freed after the batch of events that may still name them. */
static struct link *closed;

static void want(struct side *side, uint32_t events) {
  if (side->wanted == events) return;
  side->wanted = events;
  watch(epoll, EPOLL_CTL_MOD, side->fd, events, side);
}

static void close_link(struct link *link) {
  if (link->client.fd < 0) return;
  close(link->client.fd);
  close(link->provider.fd);
  link->client.fd = link->provider.fd = -1;
  link->next_closed = closed;
  closed = link;
}

static void free_closed(void) {
  while (closed != NULL) {
    struct link *link = closed;
    closed = link->next_closed;
    free(link->client.waiting);
    free(link->provider.waiting);
    free(link);
  }
}

static void open_side(struct side *side, int fd, struct side *other, struct link *link, uint32_t events) {
  side->fd = fd;
  side->other = other;
  side->link = link;
  side->wanted = events;
  watch(epoll, EPOLL_CTL_ADD, fd, events, side);
}

static void open_link(int client, int port) {
  struct link *link = allocate(sizeof *link);
  open_side(&link->client, client, &link->provider, link, EPOLLIN);
  open_side(&link->provider, connect_to_loopback(port, 0), &link->client, link, EPOLLIN | EPOLLOUT);
}

/* Hands `bytes` of the buffer to a side; what it does not take waits, and nobody reads for it until it has. */
static void hand_over(struct side *to, size_t bytes) {
  ssize_t taken = to->waiting_bytes > 0 ? 0 : write(to->fd, buffer, bytes);
  if (taken < 0) {
    /* ENOTCONN: the provider's side is still connecting. */
    if (errno != EAGAIN && errno != ENOTCONN) return close_link(to->link);
    taken = 0;
  }
  size_t rest = bytes - (size_t)taken;
  if (rest == 0) return;
  if (to->waiting == NULL) to->waiting = allocate(BUFFER_BYTES);
  memcpy(to->waiting, buffer + taken, rest);
  to->waiting_bytes = rest;
  want(to, to->wanted | EPOLLOUT);
  want(to->other, to->other->wanted & ~(uint32_t)EPOLLIN);
}

static void on_readable(struct side *side) {
  ssize_t got = read(side->fd, buffer, sizeof buffer);
  if (got > 0) hand_over(side->other, (size_t)got);
  else if (got == 0 || errno != EAGAIN) close_link(side->link);
}

static void on_writable(struct side *side) {
  if (side->waiting_bytes > 0) {
    ssize_t taken = write(side->fd, side->waiting, side->waiting_bytes);
    if (taken < 0 && errno != EAGAIN) return close_link(side->link);
    if (taken > 0) {
      side->waiting_bytes -= (size_t)taken;
      memmove(side->waiting, side->waiting + taken, side->waiting_bytes);
    }
    if (side->waiting_bytes > 0) return;
  }
  want(side, side->wanted & ~(uint32_t)EPOLLOUT);
  want(side->other, side->other->wanted | EPOLLIN);
}

int main(int count, char **arguments) {
  if (count != 2) die("usage: relay PORT");
  int listener = listen_on_loopback();
  struct epoll_event events[MAX_EVENTS];
  epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
  for (;;) {
    int happened = wait_until(epoll, events, MAX_EVENTS, UINT64_MAX);
    for (int i = 0; i < happened; i++) {
      struct side *side = events[i].data.ptr;
      if (side == NULL) {
        int client = accept_one(listener);
        if (client >= 0) open_link(client, atoi(arguments[1]));
        continue;
      }
      if (side->fd >= 0 && events[i].events & EPOLLOUT) on_writable(side);
      if (side->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT) on_readable(side);
    }
    free_closed();
  }
}
