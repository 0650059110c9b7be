/** Debian's nginx in front of a bridge, set up as one of the products that are nginx inside would set it up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOnFreePort } from '../../observers/server-process.ts';
import type { NginxLocation } from './nginx-location.ts';
import { ensureNginx } from './programs.ts';
import { accepts, startProxy, type ProxyProcess } from './proxy-process.ts';
import type { WayIn } from './way-in.ts';

export interface NginxWishes<Name extends string> {
  readonly upstream: { readonly host: string; readonly port: number };
  /** One server each, chosen by `Host`. */
  readonly locations: Readonly<Record<Name, NginxLocation>>;
  /** At the top level: `worker_shutdown_timeout 2s`. */
  readonly main?: readonly string[];
}

export interface Nginx<Name extends string> extends AsyncDisposable {
  readonly process: ProxyProcess;
  /** Through each server. */
  readonly ways: Readonly<Record<Name, WayIn>>;
  /** What a controller does after each change: new workers for what comes, the old ones end with their connections. */
  reload(): void;
}

/** Starts it. @throws Error with nginx's words when it refuses its configuration. */
export async function openNginx<Name extends string>(wishes: NginxWishes<Name>): Promise<Nginx<Name>> {
  const nginx = await ensureNginx();
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-nginx-'));
  const names = Object.keys(wishes.locations) as Name[];
  return startOnFreePort(async (port) => {
    await writeFile(join(folder, 'nginx.conf'), toConfig(wishes, folder, port));
    const process = await startProxy({
      command: nginx,
      args: ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
      isReady: () => accepts(port),
    });
    const url = `http://127.0.0.1:${String(port)}/v1`;
    const ways = names.map((name): [Name, WayIn] => [name, { url, host: nameOf(name) }]);
    return {
      process,
      ways: Object.fromEntries(ways) as Record<Name, WayIn>,
      reload: () => process.signal('SIGHUP'),
      async [Symbol.asyncDispose]() {
        await process.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
}

function toConfig(
  { upstream, locations, main = [] }: NginxWishes<string>,
  folder: string,
  port: number,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const servers = Object.entries(locations).map(([name, location]) => [
    `server {`,
    `listen 127.0.0.1:${String(port)};`,
    `server_name ${nameOf(name)};`,
    `location / {`,
    ...location.map((line) => `${line};`),
    `proxy_pass http://turnbridge;`,
    `}`,
    `}`,
  ]);
  return [
    'daemon off;',
    `pid ${folder}/pid;`,
    'worker_processes 1;',
    // as root, its workers would be somebody who may not write into the folder
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    ...main.map((line) => `${line};`),
    'events { worker_connections 256; }',
    'http {',
    'access_log off;',
    ...temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`),
    `map $http_upgrade $connection_upgrade { default upgrade; '' close; }`,
    `upstream turnbridge { server ${upstream.host}:${String(upstream.port)}; }`,
    ...servers.flat(),
    '}',
    '',
  ].join('\n');
}

function nameOf(name: string): string {
  return `${name}.test`;
}
