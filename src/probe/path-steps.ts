/** The way to the host: its name, its port, its certificate. */
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { toDurationText } from './printable.ts';
import { faultOfAbort, faultOfConnect, ProbeFault, withTimeout } from './probe-fault.ts';
import { type DoctorTarget, fail, ok, skip, type Step, type StepResult, warn } from './doctor-step.ts';

/** Less than this and somebody should have renewed it. */
const MIN_CERTIFICATE_DAYS = 14;
const DAY_MS = 24 * 3600 * 1000;

export const dnsStep: Step = {
  name: 'name',
  needs: 'nothing',
  run: async (target) => {
    const host = hostOf(target);
    if (isIP(host) !== 0) return skip(`${host} is an address, there is nothing to look up`);
    const startedAt = performance.now();
    try {
      const found = await lookup(host, { all: true });
      const addresses = found.map(({ address }) => address);
      const more = addresses.length > 4 ? ` and ${addresses.length - 4} more` : '';
      const took = toDurationText(performance.now() - startedAt);
      return ok(`${host} is ${addresses.slice(0, 4).join(', ')}${more} (${took})`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return fail(`${host} is not known (${code})`, 'correct the host name, or add it to DNS');
    }
  },
};

export const tcpStep: Step = {
  name: 'connection',
  needs: 'nothing',
  run: async (target, state) => {
    const startedAt = performance.now();
    const { port } = target.endpoint.httpUrl;
    const socket = connect({ host: hostOf(target), port: portOf(target), autoSelectFamily: true });
    await untilEvent(socket, 'connect', target);
    const took = toDurationText(performance.now() - startedAt);
    const { remoteAddress } = socket;
    socket.destroy();
    state.isReachable = true;
    return ok(`${remoteAddress} port ${port || portOf(target)} answers (${took})`);
  },
};

export const tlsStep: Step = {
  name: 'certificate',
  needs: 'reachable',
  run: async (target) => {
    if (target.endpoint.httpUrl.protocol !== 'https:')
      return skip('plain http: keys and prompts travel readable');
    const host = hostOf(target);
    // Only looked at: nothing is sent over it. The steps that send refuse what is not trusted.
    const socket = connectTls({
      host,
      port: portOf(target),
      ...(isIP(host) === 0 && { servername: host }),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    await untilEvent(socket, 'secureConnect', target);
    const result = judgeCertificate(socket, Date.now());
    socket.destroy();
    return result;
  },
};

function judgeCertificate(socket: TLSSocket, now: number): StepResult {
  const certificate = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(certificate.valid_to) - now) / DAY_MS);
  const saw = `${socket.getProtocol()}, issued by ${issuerName(certificate.issuer)}, valid for ${days} more days`;
  if (!socket.authorized) {
    const reason = socket.authorizationError as unknown as string; // the types say Error; it is the code
    const fault = new ProbeFault('connect_failed', `not trusted (${reason}); ${saw}`, {
      reason: `CERT ${reason}`,
    });
    throw fault;
  }
  return days < MIN_CERTIFICATE_DAYS ? warn(saw, 'renew the certificate') : ok(saw);
}

function issuerName(issuer: { O?: unknown; CN?: unknown } | undefined): string {
  const name = issuer?.O ?? issuer?.CN;
  return typeof name === 'string' ? name : 'an unnamed authority';
}

function hostOf({ endpoint }: DoctorTarget): string {
  return endpoint.httpUrl.hostname.replace(/^\[|\]$/g, '');
}

function portOf({ endpoint }: DoctorTarget): number {
  const { port, protocol } = endpoint.httpUrl;
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/** Waits for the event that says a socket is open; destroys it otherwise. */
function untilEvent(socket: Socket, event: 'connect' | 'secureConnect', target: DoctorTarget): Promise<void> {
  const signal = withTimeout(target.signal, target.stepTimeoutMs);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.destroy();
      reject(faultOfAbort(signal, 'connection'));
    };
    socket.once(event, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    socket.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(faultOfConnect(error, target.endpoint.httpUrl));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
