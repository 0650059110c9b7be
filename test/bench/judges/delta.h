/* The event that an answer repeats: made once, then only numbered and stamped. */
#ifndef DELTA_H
#define DELTA_H

#include <stddef.h>

struct delta {
  /* An HTTP chunk, or a WebSocket's frame. */
  char *bytes;
  size_t count, payload_at;
};

/* Makes it anew, with so many bytes of text. */
void make_delta(struct delta *delta, size_t text_bytes, int is_frame);

/* Writes the number of the next event and the present moment into it. */
void stamp_delta(struct delta *delta, long number);

#endif
