/**
 * From the bytes of an event stream to the payloads of its events, without decoding. Follows the WHATWG standard
 * ("Parsing an event stream") as far as a payload is concerned: LF, CRLF and CR end lines, `data` lines of one
 * event are joined by LF, comments and the fields `event`, `id` and `retry` mean nothing here, a byte order mark
 * at the start is skipped. Bytes may be cut anywhere.
 *
 * Two differences from the standard, both on purpose. An event whose data is empty is dropped: it cannot be JSON.
 * And at the end of the body an event that lacks its blank line is delivered if it is whole, see
 * {@link SseScanner.end}.
 */
import { parseJsonObject } from '../json/json-object.ts';
import { PieceList } from './piece-list.ts';

/**
 * 64 MiB: the largest message that the strictest client takes (a `response.completed` that repeats a huge output
 * comes near). One event is held in memory at a time.
 */
export const DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024;

/** `overflow`: an event or line is above the limit. The scanner is then spent and says so to every call. */
export type ScanResult = 'ok' | 'overflow';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const LETTER_D = 0x64;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const LF_BYTES = Buffer.from('\n');

/** Scans one body. Not reusable: one scanner per answer. */
export class SseScanner {
  readonly #onEvent: (payload: Buffer) => void;
  readonly #maxEventBytes: number;

  /** Bytes of a line that no terminator has ended yet. */
  readonly #line = new PieceList();
  /** The first `data` line of the event under way: the only one in nearly all streams. */
  #data: Buffer | undefined;
  /** Its further lines, each with the LF before it. */
  #moreData: PieceList | undefined;
  /** The last chunk ended with CR: an LF that follows belongs to it. */
  #skipLf = false;
  /** How many bytes of a byte order mark were seen; 3 also when there is none to expect any more. */
  #bomSeen = 0;
  #overflown = false;
  #comments = 0;

  /**
   * @param onEvent Hears each payload, synchronously within `push` and `end`. A payload from within one chunk is
   *   a view of it; one that was cut is a copy.
   * @param maxEventBytes Limit for the data of one event and for one line.
   */
  constructor(onEvent: (payload: Buffer) => void, maxEventBytes: number = DEFAULT_MAX_EVENT_BYTES) {
    this.#onEvent = onEvent;
    this.#maxEventBytes = maxEventBytes;
  }

  /** Comment lines so far: a sign of life from providers that send no keep-alive events. */
  get comments(): number {
    return this.#comments;
  }

  /** Bytes of the event under way that are kept until it is whole. */
  get keptBytes(): number {
    return this.#line.bytes + (this.#data?.length ?? 0) + (this.#moreData?.bytes ?? 0);
  }

  /** Takes the next bytes of the body. The chunk must not be changed afterwards. */
  push(chunk: Buffer): ScanResult {
    if (this.#overflown) {
      return 'overflow';
    }
    if (chunk.length === 0) {
      return 'ok';
    }
    let at = this.#bomSeen < BOM.length ? this.#skipBom(chunk) : 0;
    if (this.#skipLf && at < chunk.length) {
      this.#skipLf = false;
      if (chunk[at] === LF) {
        at += 1;
      }
    }
    const rest = this.#scanLines(chunk, at);
    if (rest < chunk.length) {
      this.#keep(chunk.subarray(rest));
    }
    return this.#overflown ? 'overflow' : 'ok';
  }

  /**
   * The body is over. The standard drops an event that lacks its blank line; some servers forget that line after
   * their last event, which is the one that matters most. So it is delivered if its data is one whole JSON object.
   */
  end(): ScanResult {
    if (this.#overflown) {
      return 'overflow';
    }
    if (this.#line.bytes > 0) {
      const line = this.#line.take();
      this.#endLine(line, 0, line.length);
    }
    const payload = this.#takeData();
    if (payload !== undefined && parseJsonObject(payload) !== undefined) {
      this.#onEvent(payload);
    }
    return this.#overflown ? 'overflow' : 'ok';
  }

  /** Ends every line that has its terminator in this chunk. Returns where the unfinished rest begins. */
  #scanLines(chunk: Buffer, from: number): number {
    let at = from;
    // One search says whether CR matters at all: in nearly all chunks it does not occur.
    let cr = chunk.indexOf(CR, at);
    while (at < chunk.length && !this.#overflown) {
      if (cr !== -1 && cr < at) {
        cr = chunk.indexOf(CR, at);
      }
      const lf = chunk[at] === LF ? at : chunk.indexOf(LF, at); // The blank line needs no search.
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      if (end === -1) {
        return at;
      }
      if (this.#line.bytes === 0) {
        this.#endLine(chunk, at, end);
      } else {
        this.#line.add(chunk.subarray(at, end));
        const line = this.#line.take();
        this.#endLine(line, 0, line.length);
      }
      at = end + 1;
      if (end === cr) {
        if (at === chunk.length) {
          this.#skipLf = true;
        } else if (chunk[at] === LF) {
          at += 1;
        }
      }
    }
    return at;
  }

  #endLine(bytes: Buffer, start: number, end: number): void {
    if (start === end) {
      this.#endEvent();
      return;
    }
    const first = bytes[start];
    if (first === COLON) {
      this.#comments += 1;
      return;
    }
    // `d a t a`, then a colon or nothing. All other fields are skipped unread.
    if (
      first !== LETTER_D ||
      bytes[start + 1] !== 0x61 ||
      bytes[start + 2] !== 0x74 ||
      bytes[start + 3] !== 0x61 ||
      end - start < 4
    ) {
      return;
    }
    let value = start + 4;
    if (value < end) {
      if (bytes[value] !== COLON) {
        return;
      }
      value += 1;
      if (value < end && bytes[value] === SPACE) {
        value += 1;
      }
    }
    this.#addData(bytes.subarray(value, end));
  }

  #addData(value: Buffer): void {
    if (this.#data === undefined) {
      this.#data = value;
    } else {
      this.#moreData ??= new PieceList();
      this.#moreData.add(LF_BYTES);
      this.#moreData.add(value);
    }
    this.#checkLimit();
  }

  #endEvent(): void {
    const payload = this.#takeData();
    if (payload !== undefined && payload.length > 0) {
      this.#onEvent(payload);
    }
  }

  #takeData(): Buffer | undefined {
    const first = this.#data;
    const more = this.#moreData;
    this.#data = undefined;
    this.#moreData = undefined;
    return first === undefined || more === undefined ? first : Buffer.concat([first, more.take()]);
  }

  #keep(piece: Buffer): void {
    this.#line.add(piece);
    this.#checkLimit();
  }

  #checkLimit(): void {
    if (this.keptBytes > this.#maxEventBytes) {
      this.#overflown = true;
      this.#line.clear();
      this.#data = undefined;
      this.#moreData = undefined;
    }
  }

  /** Index of the first byte that is not part of a byte order mark, which may be cut across chunks too. */
  #skipBom(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#bomSeen < BOM.length) {
      if (chunk[at] !== BOM[this.#bomSeen]) {
        const matched = this.#bomSeen;
        this.#bomSeen = BOM.length;
        if (matched > at) {
          this.#keep(BOM.subarray(0, matched - at)); // Not a mark after all: give back what earlier chunks had.
        }
        return 0;
      }
      at += 1;
      this.#bomSeen += 1;
    }
    return at;
  }
}
