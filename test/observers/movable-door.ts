/** A port that leads to another one, and to another one later: what a port-forward to a pod is when the pod is replaced. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface MovableDoor {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** New connections go there. */
  leadTo(port: number): void;
  /** Ends what is connected. */
  close(): Promise<void>;
}

/** Opens it on loopback, on a free port. The caller closes it. */
export async function openMovableDoor(port: number): Promise<MovableDoor> {
  let target = port;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: () => Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer((socket) => {
    const onward = connect(target, '127.0.0.1');
    keep(socket, () => onward);
    keep(onward, () => socket);
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    leadTo: (next) => {
      target = next;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
