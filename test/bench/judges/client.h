/* One client of a run: a connection that asks for turns and checks every event of their answers. */
#ifndef CLIENT_H
#define CLIENT_H

#include "figures.h"
#include <stddef.h>
#include <stdint.h>

enum mode { WEBSOCKET, SSE };

enum client_state {
  UNOPENED,
  CONNECTING,
  UPGRADING,
  IDLE,
  IN_TURN,
  CLOSED
};

struct client {
  int fd;
  enum client_state state;
  /* Reads only when read_slowly() says so. */
  int is_slow;
  uint32_t wanted;
  /* What is being sent. */
  const char *out;
  size_t out_left;
  /* What came and is not worked through. */
  char *in;
  size_t in_bytes;
  /* The turn under way. */
  int has_head, is_created, is_completed;
  long deltas;
};

/* What all clients of a run have in common, and what they count together. */
struct run {
  int epoll;
  enum mode mode;
  int port;
  /* How many deltas the plan of the request asks for. */
  long events_per_turn;
  char *upgrade, *request;
  size_t upgrade_bytes, request_bytes;
  /* Latencies are counted. */
  int is_measuring;
  /* A turn that ends is the client's last. */
  int is_ending;
  int connected, in_turn;
  uint64_t events, turns;
  struct latencies latencies;
};

/* Makes upgrade and request out of a JSON body. */
void prepare_requests(struct run *run, const char *path, const char *body, size_t body_bytes);

void open_client(struct run *run, struct client *client);
void begin_turn(struct run *run, struct client *client);
void close_client(struct run *run, struct client *client);

/* Call when epoll names the client. Dies of whatever an answer should not be. */
void on_client_event(struct run *run, struct client *client, uint32_t events);

/* Reads so many bytes at most. */
void read_some(struct run *run, struct client *client, size_t max_bytes);

#endif
