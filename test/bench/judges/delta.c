#include "delta.h"
#include "net.h"
#include "websocket.h"
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_FIELD "event: response.output_text.delta\ndata: "
#define CHUNK_END "\n\n\r\n"

void make_delta(struct delta *delta, size_t text_bytes, int is_frame) {
  size_t payload = STAMP_AT + text_bytes + LENGTH_OF(DELTA_END);
  size_t event = LENGTH_OF(EVENT_FIELD) + payload + 2;
  free(delta->bytes);
  delta->bytes = allocate(event + 32);
  delta->payload_at = is_frame ? put_frame_head(delta->bytes, TEXT_FRAME, payload)
                               : (size_t)sprintf(delta->bytes, "%zx\r\n" EVENT_FIELD, event);
  char *text = allocate(text_bytes + 1);
  memset(text, 'x', text_bytes);
  int bytes = sprintf(delta->bytes + delta->payload_at, DELTA_START "%d" DELTA_MIDDLE "%s" DELTA_END "%s", FIRST_NUMBER,
                      text, is_frame ? "" : CHUNK_END);
  delta->count = delta->payload_at + (size_t)bytes;
  free(text);
}

static void put_hexadecimal(char *at, uint64_t value) {
  for (int i = STAMP_DIGITS - 1; i >= 0; i--, value >>= 4) at[i] = "0123456789abcdef"[value & 15];
}

static void put_number(char *at, long value) {
  for (int i = NUMBER_DIGITS - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
}

void stamp_delta(struct delta *delta, long number) {
  char *payload = delta->bytes + delta->payload_at;
  put_number(payload + NUMBER_AT, FIRST_NUMBER + number);
  put_hexadecimal(payload + STAMP_AT, now_ns());
}
