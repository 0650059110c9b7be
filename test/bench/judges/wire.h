/*
 * What provider and load say to each other through whatever stands between them.
 *
 * The request carries the answer's plan as a member of its body, which passes through a bridge as it is:
 *
 *   "bench":"EVENTS,TEXT_BYTES,GAP_US,EVENTS_PER_WRITE"
 *
 * The answer is `response.created`, EVENTS deltas and `response.completed`, each an HTTP chunk of its own as providers
 * send them. All deltas of a run are equally long: the number has seven digits from the first one on, and the text
 * begins with the moment of sending, CLOCK_MONOTONIC ns as 16 hexadecimal digits. So both sides know where to look.
 */
#ifndef WIRE_H
#define WIRE_H

#define PLAN_MARK "\"bench\":\""

#define CREATED_START "{\"type\":\"response.created\""
#define COMPLETED_START "{\"type\":\"response.completed\""
#define DELTA_START "{\"type\":\"response.output_text.delta\",\"sequence_number\":"
#define DELTA_MIDDLE ",\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\""
#define DELTA_END "\"}"

#define RESPONSE "\"response\":{\"id\":\"resp_bench\",\"object\":\"response\",\"created_at\":1,\"model\":\"bench\",\"output\":[],"
#define CREATED CREATED_START ",\"sequence_number\":0," RESPONSE "\"status\":\"in_progress\",\"usage\":null}}"
#define COMPLETED                                                                                                   \
  COMPLETED_START ",\"sequence_number\":9999999," RESPONSE                                                          \
                  "\"status\":\"completed\",\"usage\":{\"input_tokens\":10,\"output_tokens\":20,\"total_tokens\":30}}}"

#define FIRST_NUMBER 1000000
#define NUMBER_DIGITS 7
#define STAMP_DIGITS 16

#define LENGTH_OF(literal) (sizeof(literal) - 1)
#define NUMBER_AT LENGTH_OF(DELTA_START)
#define STAMP_AT (NUMBER_AT + NUMBER_DIGITS + LENGTH_OF(DELTA_MIDDLE))

#endif
