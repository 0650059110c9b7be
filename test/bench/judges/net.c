#define _GNU_SOURCE
#include "net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes);
  if (memory == NULL) die("no memory");
  return memory;
}

void need_files(unsigned long needed) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit: %s", strerror(errno));
  if (limit.rlim_max < needed)
    die("needs %lu open files, but the limit of this machine is %lu (ulimit -Hn)", needed,
        (unsigned long)limit.rlim_max);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int listen_on_loopback(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    die("cannot listen: %s", strerror(errno));
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int accept_one(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd >= 0) no_delay(fd);
  else if (errno != EAGAIN && errno != ECONNABORTED) die("accept: %s", strerror(errno));
  return fd;
}

int connect_to_loopback(int port, int receive_bytes) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(port);
  if (fd < 0) die("socket: %s", strerror(errno));
  no_delay(fd);
  if (receive_bytes > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
    die("connect: %s", strerror(errno));
  return fd;
}

int has_connected(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

void watch(int epoll, int operation, int fd, uint32_t events, void *owner) {
  struct epoll_event event = {.events = events, .data.ptr = owner};
  if (epoll_ctl(epoll, operation, fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

int wait_until(int epoll, struct epoll_event *events, int max_events, uint64_t until) {
  struct timespec timeout = {0};
  uint64_t now = until == UINT64_MAX ? 0 : now_ns();
  if (until > now) {
    timeout.tv_sec = (time_t)((until - now) / NS_PER_S);
    timeout.tv_nsec = (long)((until - now) % NS_PER_S);
  }
  int count = epoll_pwait2(epoll, events, max_events, until == UINT64_MAX ? NULL : &timeout, NULL);
  if (count < 0 && errno == EINTR) return 0;
  if (count < 0) die("epoll_pwait2 (needs Linux 5.11): %s", strerror(errno));
  return count;
}
