/*
 * provider: an HTTP/1.1 provider of event streams on a free port (printed first), keep-alive, one thread. It reads POSTs
 * with a content-length and answers as the plan in their bodies says (wire.h): at a pace, or as fast as it is taken.
 * With a gap, each stream keeps its own times from the moment of its request on, so that streams stay out of step.
 *
 * Who asks for a WebSocket gets one, on any path: then each text is a request, and each event a text. `GET /dials` says
 * how many were opened so far.
 */
#define _GNU_SOURCE
#include "delta.h"
#include "net.h"
#include "websocket.h"
#include "wire.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define MAX_STREAMS 16384
/* The head, and as much of the body as must hold the plan. */
#define HEAD_BYTES 16384
/* Room for one write: all events of a group, with their framing. */
#define WRITE_BYTES 131072

#define HTTP_HEAD                                                                                                   \
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-store\r\n"                \
  "x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"

struct plan {
  long events;
  int text_bytes;
  long gap_us;
  int events_per_write;
};

enum state { READING_HEAD, READING_BODY, ANSWERING };

struct stream {
  int fd; /* -1: closed */
  enum state state;
  int is_websocket;
  /* Of the frame that is being read. */
  unsigned char mask[4];
  uint32_t wanted;
  /* The beginning of a request: of HTTP its head as well, of a frame what is behind the frame's head. */
  char *head;
  size_t head_bytes;
  size_t body_left;
  struct plan plan;
  long sent;
  int is_begun, is_over;
  /* When the next group is due; UINT64_MAX: not timed. */
  uint64_t due;
  struct delta delta;
  char *out;
  size_t out_bytes, out_at;
};

static int epoll;
static struct stream *timed[MAX_STREAMS];
static int timed_count;
static struct stream *closed[MAX_STREAMS];
static int closed_count;
static char discarded[65536];
static unsigned long dials;

static void want(struct stream *stream, uint32_t events) {
  if (stream->wanted == events) return;
  stream->wanted = events;
  watch(epoll, EPOLL_CTL_MOD, stream->fd, events, stream);
}

static void stop_timing(struct stream *stream) {
  for (int i = 0; i < timed_count; i++)
    if (timed[i] == stream) timed[i--] = timed[--timed_count];
}

static void close_stream(struct stream *stream) {
  if (stream->fd < 0) return;
  close(stream->fd);
  stream->fd = -1;
  stop_timing(stream);
  if (closed_count < MAX_STREAMS) closed[closed_count++] = stream;
}

/* After the batch of events that may still name them. */
static void free_closed(void) {
  while (closed_count > 0) {
    struct stream *stream = closed[--closed_count];
    free(stream->head);
    free(stream->delta.bytes);
    free(stream->out);
    free(stream);
  }
}

static void put(struct stream *stream, const char *bytes, size_t count) {
  if (stream->out_bytes + count > WRITE_BYTES) die("the plan asks for more in one write than %d bytes", WRITE_BYTES);
  memcpy(stream->out + stream->out_bytes, bytes, count);
  stream->out_bytes += count;
}

static void put_event(struct stream *stream, const char *name, const char *payload) {
  char chunk[1024], event[900];
  if (stream->is_websocket) {
    put(stream, chunk, put_frame_head(chunk, TEXT_FRAME, strlen(payload)));
    put(stream, payload, strlen(payload));
    return;
  }
  int bytes = snprintf(event, sizeof event, "event: %s\ndata: %s\n\n", name, payload);
  bytes = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)bytes, event);
  put(stream, chunk, (size_t)bytes);
}

/* Fills the next write. */
static void put_group(struct stream *stream) {
  struct plan *plan = &stream->plan;
  stream->out_bytes = stream->out_at = 0;
  if (!stream->is_begun) {
    stream->is_begun = 1;
    if (!stream->is_websocket) put(stream, HTTP_HEAD, LENGTH_OF(HTTP_HEAD));
    put_event(stream, "response.created", CREATED);
    if (plan->gap_us > 0) return; /* The first delta is due after a gap. */
  }
  for (int i = 0; i < plan->events_per_write && stream->sent < plan->events; i++) {
    stamp_delta(&stream->delta, stream->sent++);
    put(stream, stream->delta.bytes, stream->delta.count);
  }
  if (stream->sent < plan->events) return;
  put_event(stream, "response.completed", COMPLETED);
  if (!stream->is_websocket) put(stream, "0\r\n\r\n", 5);
  stream->is_over = 1;
}

/* Writes what was put. False: the rest has to wait, or the client is gone. */
static int write_out(struct stream *stream) {
  ssize_t taken = write(stream->fd, stream->out + stream->out_at, stream->out_bytes - stream->out_at);
  if (taken < 0 && errno != EAGAIN) {
    close_stream(stream);
    return 0;
  }
  if (taken > 0) stream->out_at += (size_t)taken;
  return stream->out_at == stream->out_bytes;
}

static void end_answer(struct stream *stream) {
  stop_timing(stream);
  stream->state = READING_HEAD;
  stream->head_bytes = 0;
  want(stream, EPOLLIN);
}

/* What is left of the last write goes first; then the next group, if there is one and it is due. */
static void go_on(struct stream *stream) {
  int is_timed = stream->plan.gap_us > 0;
  if (stream->out_at == stream->out_bytes && !stream->is_over) {
    if (is_timed && stream->is_begun && now_ns() < stream->due) return want(stream, EPOLLIN);
    if (is_timed) stream->due += (uint64_t)stream->plan.gap_us * NS_PER_US;
    put_group(stream);
  }
  int is_written = write_out(stream);
  if (stream->fd < 0) return;
  if (is_written && stream->is_over) return end_answer(stream);
  want(stream, is_written && is_timed ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void begin_answer(struct stream *stream) {
  char *mark = memmem(stream->head, stream->head_bytes, PLAN_MARK, LENGTH_OF(PLAN_MARK));
  struct plan *plan = &stream->plan;
  if (mark == NULL || sscanf(mark + LENGTH_OF(PLAN_MARK), "%ld,%d,%ld,%d", &plan->events, &plan->text_bytes,
                             &plan->gap_us, &plan->events_per_write) != 4)
    die("a request without a plan in its first %zu bytes", stream->head_bytes);
  if (plan->text_bytes < STAMP_DIGITS || plan->events_per_write < 1 || plan->events > 8999999)
    die("a plan that cannot be: %ld,%d,%ld,%d", plan->events, plan->text_bytes, plan->gap_us, plan->events_per_write);
  make_delta(&stream->delta, (size_t)plan->text_bytes, stream->is_websocket);
  stream->state = ANSWERING;
  stream->sent = stream->is_begun = stream->is_over = 0;
  stream->out_bytes = stream->out_at = 0;
  stream->due = now_ns();
  if (plan->gap_us > 0) timed[timed_count++] = stream;
  go_on(stream);
}

/* A short answer, of which the kernel takes all: nothing else is under way. */
static void answer_at_once(struct stream *stream, const char *text, int bytes) {
  if (write(stream->fd, text, (size_t)bytes) != bytes) die("%d bytes could not be written at once", bytes);
  stream->head_bytes = 0;
}

static void say_dials(struct stream *stream) {
  char text[128], count[24];
  int digits = snprintf(count, sizeof count, "%lu", dials);
  answer_at_once(stream, text,
                 snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", digits, count));
}

static void open_websocket(struct stream *stream) {
  char text[160], accept[ACCEPT_BYTES + 1];
  const char *key = strcasestr(stream->head, "\r\nsec-websocket-key: ");
  if (key == NULL) die("an upgrade without sec-websocket-key:\n%s", stream->head);
  key += 21;
  accept_key(key, strcspn(key, "\r"), accept);
  stream->is_websocket = 1;
  dials++;
  answer_at_once(stream, text,
                 snprintf(text, sizeof text,
                          "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                          "sec-websocket-accept: %s\r\n\r\n",
                          accept));
}

/* Looks whether the head is whole, and how much of the body is still to come. */
static void read_head(struct stream *stream) {
  char *end = memmem(stream->head, stream->head_bytes, "\r\n\r\n", 4);
  if (end == NULL) {
    if (stream->head_bytes == HEAD_BYTES) die("a request whose head is too long");
    return;
  }
  *end = '\0';
  if (strcasestr(stream->head, "\r\nupgrade: websocket") != NULL) return open_websocket(stream);
  if (strncmp(stream->head, "GET /dials ", 11) == 0) return say_dials(stream);
  char *length = strcasestr(stream->head, "\r\ncontent-length:");
  if (length == NULL) die("a request without content-length:\n%s", stream->head);
  size_t body = (size_t)atol(length + 17);
  size_t here = stream->head_bytes - (size_t)(end + 4 - stream->head);
  if (here > body) die("a second request before the first was answered");
  stream->body_left = body - here;
  stream->state = READING_BODY;
}

static void unmask(struct stream *stream, size_t from) {
  for (size_t i = from; i < stream->head_bytes; i++) stream->head[i] ^= (char)stream->mask[i % 4];
}

/* The same of a frame: of what came, its head is taken off. */
static void read_frame(struct stream *stream) {
  struct frame_head frame;
  if (!take_frame_head(stream->head, stream->head_bytes, &frame)) return;
  if (frame.first_byte == CLOSE_FRAME) return close_stream(stream);
  if (frame.first_byte != TEXT_FRAME) die("a frame that begins with 0x%02x", frame.first_byte);
  size_t here = stream->head_bytes - frame.bytes;
  if (here > frame.payload_bytes) die("a second request before the first was answered");
  memmove(stream->head, stream->head + frame.bytes, here);
  memcpy(stream->mask, frame.mask, sizeof frame.mask);
  stream->head_bytes = here;
  unmask(stream, 0);
  stream->body_left = frame.payload_bytes - here;
  stream->state = READING_BODY;
}

static void on_readable(struct stream *stream) {
  size_t room = HEAD_BYTES - stream->head_bytes;
  int is_kept = stream->state != ANSWERING && room > 0;
  ssize_t got = is_kept ? read(stream->fd, stream->head + stream->head_bytes, room)
                        : read(stream->fd, discarded, sizeof discarded);
  if (got < 0 && errno == EAGAIN) return;
  int is_left = got > 0 && stream->is_websocket && stream->state == ANSWERING && (unsigned char)discarded[0] == CLOSE_FRAME;
  if (got <= 0 || is_left) return close_stream(stream);
  if (stream->state == ANSWERING) die("a second request before the first was answered");
  if (is_kept) stream->head_bytes += (size_t)got;
  if (stream->state == READING_HEAD) {
    if (stream->is_websocket) read_frame(stream);
    else read_head(stream);
  } else {
    if ((size_t)got > stream->body_left) die("a body longer than its content-length");
    stream->body_left -= (size_t)got;
    if (is_kept && stream->is_websocket) unmask(stream, stream->head_bytes - (size_t)got);
  }
  if (stream->fd >= 0 && stream->state == READING_BODY && stream->body_left == 0) begin_answer(stream);
}

static void open_stream(int fd) {
  struct stream *stream = allocate(sizeof *stream);
  stream->fd = fd;
  stream->head = allocate(HEAD_BYTES);
  stream->out = allocate(WRITE_BYTES);
  stream->wanted = EPOLLIN;
  watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, stream);
}

/* The streams whose time has come write; returns the moment of the next one. */
static uint64_t run_timed(void) {
  uint64_t now = now_ns(), next = UINT64_MAX;
  for (int i = timed_count - 1; i >= 0; i--) {
    struct stream *stream = timed[i];
    /* A stream whose last write is not through waits for EPOLLOUT, not for its time. */
    if (stream->out_at < stream->out_bytes) continue;
    if (stream->due <= now) {
      go_on(stream);
      if (stream->fd < 0 || stream->state != ANSWERING || stream->out_at < stream->out_bytes) continue;
    }
    if (stream->due < next) next = stream->due;
  }
  return next;
}

int main(void) {
  need_files(2048);
  prctl(PR_SET_TIMERSLACK, 1);
  int listener = listen_on_loopback();
  struct epoll_event events[MAX_EVENTS];
  epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
  for (;;) {
    int happened = wait_until(epoll, events, MAX_EVENTS, run_timed());
    for (int i = 0; i < happened; i++) {
      struct stream *stream = events[i].data.ptr;
      if (stream == NULL) {
        int fd = accept_one(listener);
        if (fd >= 0) open_stream(fd);
        continue;
      }
      if (stream->fd >= 0 && events[i].events & EPOLLOUT) go_on(stream);
      if (stream->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT) on_readable(stream);
    }
    free_closed();
  }
}
