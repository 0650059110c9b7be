#define _GNU_SOURCE
#include "client.h"
#include "net.h"
#include "wire.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Holds the largest event and a generous read beside it. */
#define IN_BYTES 262144
/* A slow client's kernel must not swallow what the client does not read. */
#define SLOW_RECEIVE_BYTES 16384

/* Any key but zero, with which a server could save itself the unmasking. */
static const unsigned char MASK[4] = {0x5a, 0xc3, 0x96, 0x3c};
static const char PONG[6] = {(char)0x8a, (char)0x80, 0x5a, (char)0xc3, (char)0x96, 0x3c};

static void make_frame(struct run *run, const char *body, size_t bytes) {
  unsigned char *frame = allocate(bytes + 14);
  size_t at = 0;
  int size = bytes < 126 ? 0 : bytes < 65536 ? 2 : 8;
  frame[at++] = 0x81;
  frame[at++] = (unsigned char)(0x80 | (size == 0 ? bytes : size == 2 ? 126 : 127));
  for (int i = size - 1; i >= 0; i--) frame[at++] = (unsigned char)(bytes >> (8 * i));
  memcpy(frame + at, MASK, 4);
  at += 4;
  for (size_t i = 0; i < bytes; i++) frame[at + i] = (unsigned char)body[i] ^ MASK[i % 4];
  run->request = (char *)frame;
  run->request_bytes = at + bytes;
}

void prepare_requests(struct run *run, const char *path, const char *body, size_t body_bytes) {
  if (run->mode == WEBSOCKET) {
    run->upgrade_bytes = (size_t)asprintf(
        &run->upgrade,
        "GET %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: dHVybmJyaWRnZSBiZW5jaA==\r\nuser-agent: bench\r\n\r\n",
        path, run->port);
    make_frame(run, body, body_bytes);
    return;
  }
  char *head;
  int head_bytes = asprintf(&head,
                            "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
                            "accept: text/event-stream\r\nuser-agent: bench\r\ncontent-length: %zu\r\n\r\n",
                            path, run->port, body_bytes);
  run->request = allocate((size_t)head_bytes + body_bytes);
  memcpy(run->request, head, (size_t)head_bytes);
  memcpy(run->request + head_bytes, body, body_bytes);
  run->request_bytes = (size_t)head_bytes + body_bytes;
  free(head);
}

static void want(struct run *run, struct client *client, uint32_t events) {
  if (client->is_slow && client->state == IN_TURN) events &= ~(uint32_t)EPOLLIN;
  if (client->wanted == events) return;
  client->wanted = events;
  watch(run->epoll, EPOLL_CTL_MOD, client->fd, events, client);
}

static void write_out(struct run *run, struct client *client) {
  if (client->out_left > 0) {
    ssize_t taken = write(client->fd, client->out, client->out_left);
    if (taken < 0 && errno != EAGAIN) die("a request could not be sent: %s", strerror(errno));
    if (taken > 0) {
      client->out += taken;
      client->out_left -= (size_t)taken;
    }
  }
  want(run, client, client->out_left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void send_bytes(struct run *run, struct client *client, const char *bytes, size_t count) {
  client->out = bytes;
  client->out_left = count;
  write_out(run, client);
}

void open_client(struct run *run, struct client *client) {
  client->state = CONNECTING;
  client->wanted = EPOLLOUT;
  client->fd = connect_to_loopback(run->port, client->is_slow ? SLOW_RECEIVE_BYTES : 0);
  watch(run->epoll, EPOLL_CTL_ADD, client->fd, EPOLLOUT, client);
}

void begin_turn(struct run *run, struct client *client) {
  if (client->state != IDLE) die("a turn was begun before its client was ready");
  client->state = IN_TURN;
  client->has_head = client->is_created = client->is_completed = 0;
  client->deltas = 0;
  run->in_turn++;
  send_bytes(run, client, run->request, run->request_bytes);
}

void close_client(struct run *run, struct client *client) {
  if (client->state == UNOPENED || client->state == CLOSED) return;
  if (client->state == IN_TURN) run->in_turn--;
  client->state = CLOSED;
  close(client->fd);
  free(client->in);
}

static void become_idle(struct run *run, struct client *client) {
  client->state = IDLE;
  run->connected++;
}

static void end_turn(struct run *run, struct client *client) {
  if (!client->is_created || !client->is_completed || client->deltas != run->events_per_turn)
    die("a turn ended after %ld of %ld events, %s response.created, %s response.completed", client->deltas,
        run->events_per_turn, client->is_created ? "with" : "without", client->is_completed ? "with" : "without");
  client->state = IDLE;
  run->in_turn--;
  run->turns++;
  if (!run->is_ending) begin_turn(run, client);
}

static int starts_with(const char *bytes, size_t count, const char *start) {
  size_t length = strlen(start);
  return count >= length && memcmp(bytes, start, length) == 0;
}

static uint64_t digits(const char *at, int count, unsigned base) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) {
    unsigned digit = at[i] <= '9' ? (unsigned)(at[i] - '0') : (unsigned)(at[i] - 'a') + 10;
    if (digit >= base) die("an event that was changed on its way: %.150s", at - NUMBER_AT);
    value = value * base + digit;
  }
  return value;
}

static void on_delta(struct run *run, struct client *client, const char *event) {
  uint64_t number = digits(event + NUMBER_AT, NUMBER_DIGITS, 10) - FIRST_NUMBER;
  if (!client->is_created || number != (uint64_t)client->deltas)
    die("event %lu came where number %ld was due", (unsigned long)number, client->deltas);
  client->deltas++;
  run->events++;
  if (run->is_measuring && !client->is_slow)
    add_latency(&run->latencies, now_ns() - digits(event + STAMP_AT, STAMP_DIGITS, 16));
}

static void on_event(struct run *run, struct client *client, const char *event, size_t bytes) {
  if (client->state != IN_TURN || client->is_completed) die("a text while no turn runs: %.*s", (int)bytes, event);
  if (starts_with(event, bytes, DELTA_START) && bytes > STAMP_AT + STAMP_DIGITS) on_delta(run, client, event);
  else if (starts_with(event, bytes, CREATED_START)) client->is_created = 1;
  else if (starts_with(event, bytes, COMPLETED_START)) client->is_completed = 1;
  else die("no event of this answer: %.*s", (int)(bytes < 500 ? bytes : 500), event);
  if (client->is_completed && run->mode == WEBSOCKET) end_turn(run, client);
}

/* The parsers take one thing off the start of what came, and say how long it was; 0: it is not whole yet. */

static size_t take_head(const char *in, size_t bytes, const char *status) {
  const char *end = memmem(in, bytes, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (!starts_with(in, bytes, status)) die("%s was expected, not: %.*s", status, (int)bytes, in);
  return (size_t)(end + 4 - in);
}

static size_t take_frame(struct run *run, struct client *client, const char *in, size_t bytes) {
  const unsigned char *head = (const unsigned char *)in;
  if (bytes < 2) return 0;
  size_t length = head[1], at = 2;
  int size = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (bytes < at + (size_t)size) return 0;
  if (size > 0) length = 0;
  for (int i = 0; i < size; i++) length = length << 8 | head[at++];
  if (at + length > IN_BYTES) die("a frame of %zu bytes", length);
  if (bytes < at + length) return 0;
  if (head[0] == 0x81) on_event(run, client, in + at, length);
  else if (head[0] == 0x89) {
    if (client->out_left == 0) send_bytes(run, client, PONG, sizeof PONG);
  } else die("a frame that begins with 0x%02x: %.*s", head[0], (int)(length < 200 ? length : 200), in + at);
  return at + length;
}

/* Our provider's chunks hold one event each: "event: NAME", "data: JSON", an empty line. */
static size_t take_chunk(struct run *run, struct client *client, const char *in, size_t bytes) {
  const char *line_end = memchr(in, '\n', bytes);
  if (line_end == NULL) return 0;
  size_t length = strtoul(in, NULL, 16), at = (size_t)(line_end + 1 - in);
  if (bytes < at + length + 2) return 0;
  if (length == 0) {
    client->has_head = 0;
    end_turn(run, client);
  } else {
    const char *data = memmem(in + at, length, "\ndata: ", 7);
    if (data == NULL) die("a chunk without data: %.*s", (int)length, in + at);
    on_event(run, client, data + 7, length - (size_t)(data + 7 - (in + at)) - 2);
  }
  return at + length + 2;
}

static size_t take_one(struct run *run, struct client *client, const char *in, size_t bytes) {
  if (client->state == UPGRADING) {
    size_t taken = take_head(in, bytes, "HTTP/1.1 101 ");
    if (taken > 0) become_idle(run, client);
    return taken;
  }
  if (run->mode == WEBSOCKET) return take_frame(run, client, in, bytes);
  if (client->has_head) return take_chunk(run, client, in, bytes);
  size_t taken = take_head(in, bytes, "HTTP/1.1 200 ");
  client->has_head = taken > 0;
  return taken;
}

void read_some(struct run *run, struct client *client, size_t max_bytes) {
  if (client->in == NULL) client->in = malloc(IN_BYTES);
  size_t room = IN_BYTES - client->in_bytes;
  ssize_t got = read(client->fd, client->in + client->in_bytes, room < max_bytes ? room : max_bytes);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) die("a connection ended: %s", got == 0 ? "closed by the other side" : strerror(errno));
  client->in_bytes += (size_t)got;
  size_t at = 0, taken;
  while (at < client->in_bytes && (taken = take_one(run, client, client->in + at, client->in_bytes - at)) > 0)
    at += taken;
  client->in_bytes -= at;
  memmove(client->in, client->in + at, client->in_bytes);
}

void on_client_event(struct run *run, struct client *client, uint32_t events) {
  if (client->state == CONNECTING) {
    if (!has_connected(client->fd)) die("a connection was refused");
    if (run->mode == WEBSOCKET) {
      client->state = UPGRADING;
      send_bytes(run, client, run->upgrade, run->upgrade_bytes);
    } else {
      become_idle(run, client);
      want(run, client, EPOLLIN);
    }
    return;
  }
  if (events & EPOLLOUT) write_out(run, client);
  if (events & ~(uint32_t)EPOLLOUT) read_some(run, client, IN_BYTES);
}
