/** Providers that speak HTTP, real ones on loopback, and turns at them, for the tests of src/provider. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpSseTransport, type HttpSseOptions } from '../../../src/provider/http-sse.ts';
import type { HttpAttemptRequest } from '../../../src/provider/provider.ts';
import { type Heard, open, Servers } from './provider-setup.ts';

/** A transport and the providers that it asks. */
export class HttpScene {
  readonly servers = new Servers();
  readonly transport: HttpSseTransport;

  constructor(options: HttpSseOptions = {}) {
    this.transport = new HttpSseTransport(options);
  }

  /** The origin of a provider that answers each request so. */
  async answering(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<string> {
    const { origin } = await this.servers.http((request, response) => answer(response, request));
    return origin;
  }

  open(request: HttpAttemptRequest): Heard {
    return open(this.transport, request);
  }

  /** Providers go first: an attempt that still runs would be waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers.close();
    await this.transport.close();
  }
}
