/** A traced bridge between a provider and clients of every kind, and what each of those clients hears. */
import { connect, UpgradeRefused, type ConnectOptions, type TestClient } from '../harness/connect.ts';
import { openOtlpReceiver, type OtlpReceiver } from '../harness/otlp-receiver.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { openScene, type Scene, type SceneWishes } from '../protocol/scene.ts';
import { Heard } from './canary-exhibits.ts';

export interface Stage extends AsyncDisposable {
  readonly receiver: OtlpReceiver;
  readonly scene: Scene;
  readonly heard: Heard;
  /** A WebSocket; undefined when the upgrade was refused, which is then heard. */
  readonly open: (options: ConnectOptions, url?: string) => Promise<TestClient | undefined>;
  /** One that must be let in. */
  readonly enter: (options: ConnectOptions) => Promise<TestClient>;
  readonly post: (
    path: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    method?: string,
  ) => Promise<void>;
  /** What bytes of one's own making bring back. */
  readonly raw: (bytes: string) => Promise<void>;
}

/** Use with `await using`. Every trace is kept. */
export async function openStage(wishes: SceneWishes): Promise<Stage> {
  const receiver = await openOtlpReceiver();
  const scene = await openScene({
    ...wishes,
    telemetry: { tracing: { url: receiver.url, ratio: 1 } },
  }).catch(async (error: unknown) => {
    await receiver.close();
    throw error;
  });
  const heard = new Heard();
  const clients: TestClient[] = [];
  const opened = (client: TestClient): TestClient => {
    clients.push(client);
    return client;
  };
  const { url, port } = scene.bridge;
  return {
    receiver,
    scene,
    heard,
    open: async (options, target = `${url}/responses`) =>
      connect(target, options).then(opened, (error: unknown) => {
        if ((error as Error).name !== UpgradeRefused.name) throw error;
        const { status, body, headers } = error as UpgradeRefused;
        heard.answer(status, body, headers);
        return undefined;
      }),
    enter: async (options) => opened(await connect(`${url}/responses`, options)),
    post: async (path, body, headers, method = 'POST') => {
      const hasBody = method !== 'GET' && method !== 'HEAD';
      const answer = await fetch(`${url}${path}`, {
        method,
        headers,
        ...(hasBody && { body }),
        redirect: 'manual',
      });
      heard.answer(answer.status, await answer.text(), Object.fromEntries(answer.headers));
    },
    raw: async (bytes) => {
      await using socket = await openRawSocket(port);
      socket.write(bytes);
      await socket.closed;
      heard.exhibits.push({ where: 'answer to broken HTTP', text: socket.received().toString() });
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.terminate();
      await scene[Symbol.asyncDispose]();
      await receiver.close();
    },
  };
}
