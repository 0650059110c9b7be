/**
 * CEL and Go judge some texts that the check judges with JavaScript. They must never refuse what the check takes; what
 * they let through, the operator refuses with the check's own code.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { headerPatternMistake } from '../../src/route/header-pattern.ts';
import { hostKind } from '../../src/route/host-kind.ts';
import { modelPatternMistake } from '../../src/route/model-pattern.ts';
import { parseProviderUrl } from '../../src/route/provider-url.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
let namespace = '';

beforeAll(async () => {
  namespace = await cluster.namespace();
});

/** Whether the API server would store a route with this spec. */
async function isTaken(spec: Readonly<Record<string, unknown>>): Promise<boolean> {
  const api = await cluster.adminClient();
  const { status, body } = await api.ask({
    method: 'POST',
    path: `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes`,
    query: { dryRun: 'All', fieldValidation: 'Strict' },
    body: {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name: 'tried' },
      spec: { providers: [{ name: 'a', url: 'https://a.example.com/v1' }], ...spec },
    },
  });
  if (status === 201) return true;
  // a rule that cannot be evaluated is a rule that is wrong
  expect(JSON.stringify(body)).not.toMatch(/error|cost/i);
  return false;
}

const withUrl = (url: string) => isTaken({ providers: [{ name: 'a', url }] });

function isTakenByCheck(url: string): boolean {
  const parsed = parseProviderUrl(url);
  return parsed.ok && hostKind(parsed.url.host) !== 'local';
}

describe('urls that both take', () => {
  test.each([
    'https://api.openai.com/v1',
    'https://api.openai.com',
    'https://api.openai.com/',
    'HTTPS://API.OpenAI.com/v1/',
    'http://vllm.models.svc:8000/v1',
    'http://vllm/v1',
    'https://example.openai.azure.com/openai/deployments/gpt-5/v1',
    'http://10.0.0.1:8080',
    'http://192.168.1.1',
    'http://128.0.0.1',
    'http://12.7.0.1',
    'http://170.169.254.1',
    'http://[2001:db8::1]:8000/v1',
    'http://[fd00::1]/v1',
    'https://localhost.example.com/v1',
    'https://notlocalhost/v1',
    'https://metadata.example.com/v1',
    'https://127.example.com/v1',
    'https://a.example.com/127.0.0.1/localhost',
    'https://a.example.com:65535/v1',
    'https://a.example.com:80/v1',
    'https://a.example.com/v1/a%20b',
    'https://a.example.com/v1/[x]',
    'https://bücher.example.com/v1',
    'https://a.example.com/v1/@me',
    'wss://api.openai.com/v1',
    'WS://models.svc:8000/v1/',
    'ws://10.0.0.1',
  ])('%s', async (url) => {
    expect([isTakenByCheck(url), await withUrl(url)]).toEqual([true, true]);
  });
});

describe('urls that both refuse', () => {
  test.each([
    'api.openai.com/v1',
    'https:api.openai.com/v1',
    'https:/api.openai.com/v1',
    'https:///v1',
    'https://:80/v1',
    'https:\\\\api.openai.com\\v1',
    'https://api.openai.com /v1',
    'https://api.openai.com/v 1',
    'https://api.openai.com/v1\n',
    '\thttps://api.openai.com/v1',
    'https://api.openai.com:65536/v1',
    'https://api.openai.com:port/v1',
    'https://[::1/v1',
    'https://a?b',
    'https://a#b',
    'https://a/v1?',
    'https://a/v1#',
    'https://user@a/v1',
    'https://user:pw@a/v1',
    'https://@a/v1',
    'wss://user@a/v1',
    'wss://a/v1?x=1',
    'ws://a/v1#x',
    'ws:/a/v1',
    'ws://localhost/v1',
    'WSS://127.0.0.1/v1',
    'ws://[::1]:8000/v1',
    'ftp://a/v1',
    'file:///etc/passwd',
    'https://${HOST}/v1',
    'http://localhost/v1',
    'http://LOCALHOST:8000',
    'http://localhost./v1',
    'http://a.localhost/v1',
    'http://localhost.localdomain/v1',
    'http://ip6-localhost/v1',
    'http://metadata/v1',
    'http://metadata.google.internal/computeMetadata/v1',
    'http://metadata.goog./v1',
    'http://instance-data/latest',
    'http://127.0.0.1/v1',
    'http://127.0.0.1:8788/v1',
    'http://127.9.9.9',
    'http://127.1/v1',
    'http://0.0.0.0/v1',
    'http://169.254.169.254/latest/meta-data',
    'http://169.254.0.1',
    'http://100.100.100.200/v1',
    'http://168.63.129.16/v1',
    'http://192.0.0.192/v1',
    'http://224.0.0.1/v1',
    'http://239.1.2.3/v1',
    'http://255.255.255.255/v1',
    'http://[::1]/v1',
    'http://[::]/v1',
    'http://[0:0:0:0:0:0:0:1]:8000/v1',
    'http://[fe80::1]/v1',
    'http://[FE80::1]/v1',
    'http://[febf::1]/v1',
    'http://[fec0::1]/v1',
    'http://[ff02::1]/v1',
    'http://[fd00:ec2::254]/latest',
    'http://[fd20:ce::254]/v1',
    'http://[::ffff:127.0.0.1]/v1',
    'http://[::ffff:169.254.169.254]/v1',
    'http://[::ffff:7f00:1]/v1',
    'http://[::ffff:a9fe:a9fe]/v1',
    'http://[64:ff9b::127.0.0.1]/v1',
  ])('%s', async (url) => {
    expect([isTakenByCheck(url), await withUrl(url)]).toEqual([false, false]);
  });
});

describe('urls in spellings that only the bridge understands are left to the operator', () => {
  test.each([
    'http://0x7f000001/v1',
    'http://2130706433/v1',
    'http://0177.0.0.1/v1',
    'http://0x7f.1/v1',
    'http://1.2.3.4.5/v1',
    'http://[64:ff9b::7f00:1]/v1',
    'http://[2002:7f00:1::]/v1',
    'http://[::7f00:1]/v1',
    'http://①②⑦.0.0.1/v1',
  ])('%s', async (url) => {
    expect([isTakenByCheck(url), await withUrl(url)]).toEqual([false, true]);
  });
});

test('what Go takes for a broken url is refused in a cluster, and by the check it is not', async () => {
  const url = 'https://a.example.com/%zz';
  expect([isTakenByCheck(url), await withUrl(url)]).toEqual([true, false]);
});

test('routes of sidecars may name their own pod, and only those', async () => {
  const providers = [{ name: 'a', url: 'http://127.0.0.1:8000/v1' }];
  const taken = ['sidecar', 'sidecar-blue', 'sidecars', 'default', 'my-sidecar'].map(async (bridgeName) =>
    (await isTaken({ bridgeName, providers })) ? bridgeName : '',
  );
  expect((await Promise.all(taken)).filter((name) => name !== '')).toEqual(['sidecar', 'sidecar-blue']);
});

describe('patterns for headers are judged as the check judges them', () => {
  const patterns = [
    'prod',
    'prod|test-[0-9]+',
    'a*b*',
    'a*b*c*',
    'a?b+c*',
    '[*+?]{2}x*',
    '[*+?]*[*+?]*[*+?]*',
    String.raw`\*\+\?\*`,
    String.raw`\\*\\*\\*`,
    String.raw`[\]*+?]a*`,
    String.raw`[^\]]*`,
    '(?:a|b)c*',
    '(?:a|b)*',
    '(?<word>a)c*',
    '(?<word>a)+',
    '(a)',
    '(a)?',
    '(a){2}',
    '(a){2,3}',
    String.raw`\(a\)+`,
    '[)]+',
    'a{2}b{3}c{4}',
    'a{2,}b{3,4}',
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<!a)b',
    '[(?=a)]b',
    String.raw`\(?=a`,
    String.raw`(a)\1`,
    String.raw`(?<w>a)\k<w>`,
    String.raw`\d\w\s`,
    'a'.repeat(256),
    'a'.repeat(257),
  ];
  test.each(patterns)('%s', async (value) => {
    const headers = [{ name: 'x-a', type: 'RegularExpression', value }];
    const taken = await isTaken({ match: { headers } });
    expect(taken).toBe(headerPatternMistake(value) === undefined);
  });

  // what is no regular expression of JavaScript, and where the check is more careful than it need be
  test.each(['(', '[a', 'a**', '*a', String.raw`[\1]`, String.raw`\\1`])(
    '%s is refused by the operator at most',
    async (value) => {
      const headers = [{ name: 'x-a', type: 'RegularExpression', value }];
      expect(await isTaken({ match: { headers } })).toBe(true);
      expect(headerPatternMistake(value)).toBeDefined();
    },
  );

  test('and not at all where the value is compared as it is', async () => {
    const headers = [{ name: 'x-a', type: 'Exact', value: '(((a+)+)+)+' }];
    expect(await isTaken({ match: { headers } })).toBe(true);
  });
});

test.each(['*', '*a', 'a*', 'a', 'gpt-5.5', '**', '*a*', 'a*b', 'a**', '***', '"*', 'ü*'])(
  'the model pattern %s is judged as the check judges it',
  async (model) => {
    expect(await isTaken({ match: { models: [model] } })).toBe(modelPatternMistake(model) === undefined);
  },
);
