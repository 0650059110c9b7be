/* What the three judges share: a clock, sockets on loopback, epoll, and the one way to give up. */
#ifndef NET_H
#define NET_H

#include <stdint.h>
#include <stddef.h>
#include <sys/epoll.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* Says what is wrong and ends the process with code 1: a judge that is in doubt must not judge. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* CLOCK_MONOTONIC: the same for all processes of a machine, so a stamp of one can be read by another. */
uint64_t now_ns(void);

void *allocate(size_t bytes);

/* Takes as many open files as the machine allows; dies when that is fewer than needed. */
void need_files(unsigned long needed);

/* Listens on a free port of 127.0.0.1 and prints its number as the first line. Non-blocking. */
int listen_on_loopback(void);

/* The next waiting connection, non-blocking and without delay; -1 when there is none. */
int accept_one(int listener);

/* Begins to connect to a port of 127.0.0.1: writable when connected. receive_bytes 0: as the kernel likes. */
int connect_to_loopback(int port, int receive_bytes);

/* Whether the connect that made a socket writable has worked. */
int has_connected(int fd);

/* Adds, changes or removes (events 0) what epoll says about fd; `owner` comes back in data.ptr. */
void watch(int epoll, int operation, int fd, uint32_t events, void *owner);

/* Waits until something happens or `until` (CLOCK_MONOTONIC ns; UINT64_MAX: for ever) has come. */
int wait_until(int epoll, struct epoll_event *events, int max_events, uint64_t until);

#endif
