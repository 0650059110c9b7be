#include "websocket.h"
#include "net.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define BLOCK_BYTES 64
#define DIGEST_BYTES 20

static uint32_t rotated(uint32_t value, int by) { return value << by | value >> (32 - by); }

static void add_block(uint32_t state[5], const unsigned char *block) {
  uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 16; i++)
    words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
  for (int i = 16; i < 80; i++) words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
    uint32_t next = rotated(a, 5) + mixed + e + words[i];
    e = d, d = c, c = rotated(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* SHA-1 of a text that fits, with its padding, into two blocks: a key and the magic do. */
static void sha1(const char *text, size_t bytes, unsigned char digest[DIGEST_BYTES]) {
  unsigned char blocks[2 * BLOCK_BYTES] = {0};
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  size_t padded = bytes + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  if (bytes + 9 > sizeof blocks) die("a key of a WebSocket that is too long");
  memcpy(blocks, text, bytes);
  blocks[bytes] = 0x80;
  blocks[padded - 2] = (unsigned char)(bytes * 8 >> 8);
  blocks[padded - 1] = (unsigned char)(bytes * 8);
  for (size_t at = 0; at < padded; at += BLOCK_BYTES) add_block(state, blocks + at);
  for (int i = 0; i < DIGEST_BYTES; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void accept_key(const char *key, size_t key_bytes, char accept[ACCEPT_BYTES + 1]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char text[2 * BLOCK_BYTES];
  unsigned char digest[DIGEST_BYTES + 1] = {0};
  int bytes = snprintf(text, sizeof text, "%.*s" MAGIC, (int)key_bytes, key);
  sha1(text, (size_t)bytes, digest);
  for (int i = 0; i < ACCEPT_BYTES; i++) {
    int bit = 6 * i, pair = digest[bit / 8] << 8 | (bit / 8 < DIGEST_BYTES ? digest[bit / 8 + 1] : 0);
    accept[i] = digits[pair >> (10 - bit % 8) & 63];
  }
  accept[ACCEPT_BYTES - 1] = '=';
  accept[ACCEPT_BYTES] = '\0';
}

size_t put_frame_head(char *at, int first_byte, size_t payload_bytes) {
  int size = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
  size_t bytes = 0;
  at[bytes++] = (char)first_byte;
  at[bytes++] = (char)(size == 0 ? payload_bytes : size == 2 ? 126 : 127);
  for (int i = size - 1; i >= 0; i--) at[bytes++] = (char)(payload_bytes >> (8 * i));
  return bytes;
}

int take_frame_head(const char *in, size_t in_bytes, struct frame_head *head) {
  const unsigned char *bytes = (const unsigned char *)in;
  if (in_bytes < 2) return 0;
  if ((bytes[1] & 0x80) == 0) die("a client's frame without a mask");
  size_t length = bytes[1] & 0x7f, at = 2;
  int size = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (in_bytes < at + (size_t)size + 4) return 0;
  if (size > 0) length = 0;
  for (int i = 0; i < size; i++) length = length << 8 | bytes[at++];
  memcpy(head->mask, bytes + at, 4);
  head->first_byte = bytes[0];
  head->bytes = at + 4;
  head->payload_bytes = length;
  return 1;
}
