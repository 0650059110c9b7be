/* The server's side of a WebSocket (RFC 6455), as far as the provider needs it. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stddef.h>

#define TEXT_FRAME 0x81
#define CLOSE_FRAME 0x88

/* A frame's head and the mask take no more than this. */
#define MAX_FRAME_HEAD 14

/* What sec-websocket-accept must say to a key (base64, 24 characters). */
#define ACCEPT_BYTES 28
void accept_key(const char *key, size_t key_bytes, char accept[ACCEPT_BYTES + 1]);

/* Writes the head of an unmasked frame with so many bytes; returns its length. */
size_t put_frame_head(char *at, int first_byte, size_t payload_bytes);

struct frame_head {
  int first_byte;
  /* Of the head with its mask, and of what follows. */
  size_t bytes, payload_bytes;
  unsigned char mask[4];
};

/* Reads the head of a client's frame. 0: it is not whole yet. Dies of one without a mask. */
int take_frame_head(const char *in, size_t in_bytes, struct frame_head *head);

#endif
