import { REFUSED, accepted, refusedWith, withSpec } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

/** `bridgeName`, `hostnames` and `match`. */
export const REQUEST_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'a bridge name that is no label',
    spec: withSpec({ bridgeName: 'my bridge' }),
    check: 'bridgeName must be lower-case letters, digits and hyphens, such as my-name',
    cluster: refusedWith('must be lower-case letters, digits and hyphens, such as my-name'),
  },
  {
    mistake: 'a host with scheme, port or path',
    spec: withSpec({ hostnames: ['https://x'] }),
    check:
      'hostnames[0] must be a host name without scheme, port or path, such as codex.example.com or *.example.com; leave hostnames out for any host',
    cluster: refusedWith(
      'must be a host name without scheme, port or path, such as codex.example.com or *.example.com; leave hostnames out for any host',
    ),
  },
  {
    mistake: 'a host written twice',
    spec: withSpec({ hostnames: ['a.example.com', 'a.example.com'] }),
    check: '"a.example.com" is written twice; remove one',
    cluster: refusedWith('spec.hostnames[1]: Duplicate value: "a.example.com"'),
  },
  {
    mistake: 'a host written twice, in capitals once',
    spec: withSpec({ hostnames: ['a.example.com', 'A.example.com'] }),
    check: '"a.example.com" is written twice; remove one',
    cluster: REFUSED,
  },
  {
    mistake: 'a base path with a slash at its end, a query or a wildcard',
    spec: withSpec({ match: { paths: ['/v1/'] } }),
    check: 'paths[0] must be a path such as /v1, without a slash at the end, query or wildcard',
    cluster: refusedWith('must be a path such as /v1, without a slash at the end, query or wildcard'),
  },
  {
    mistake: 'a base path written twice',
    spec: withSpec({ match: { paths: ['/v1', '/v1'] } }),
    check: '"/v1" is written twice; remove one',
    cluster: REFUSED,
  },
  {
    mistake: 'a model with spaces',
    spec: withSpec({ match: { models: ['with space'] } }),
    check: 'models[0] must be a model name, or a pattern such as gpt-*, without spaces',
    cluster: refusedWith('must be a model name, or a pattern such as gpt-*, without spaces'),
  },
  {
    mistake: 'a wildcard within a model, or two',
    spec: withSpec({ match: { models: ['g*t'] } }),
    check: '"g*t" is no pattern: one * may stand at the start or at the end; write gpt-*, *-mini or *',
    cluster: REFUSED,
  },
  {
    mistake: 'a model written twice',
    spec: withSpec({ match: { models: ['gpt-*', 'gpt-*'] } }),
    check: '"gpt-*" is written twice; remove one',
    cluster: refusedWith('spec.match.models[1]: Duplicate value: "gpt-*"'),
  },
  {
    mistake: 'a header in capitals',
    spec: withSpec({ match: { headers: [{ name: 'X-Team', value: 'a' }] } }),
    check: 'name must be the name of a header in lower case, such as x-team; write x-team',
    cluster: refusedWith('must be the name of a header in lower case, such as x-team'),
  },
  {
    mistake: 'a header of the connection as a condition',
    spec: withSpec({ match: { headers: [{ name: 'upgrade', value: 'websocket' }] } }),
    check: 'upgrade belongs to the connection and cannot choose a route; use another header',
    cluster: REFUSED,
  },
  {
    mistake: 'two conditions on one header',
    spec: withSpec({
      match: {
        headers: [
          { name: 'x-d', value: 'a' },
          { name: 'x-d', value: 'b' },
        ],
      },
    }),
    check: '"x-d" is the name of an earlier entry; write another, or remove one',
    cluster: refusedWith('spec.match.headers[1]: Duplicate value: {"name":"x-d"}'),
  },
  pattern(
    'a header pattern that is too long',
    'a'.repeat(257),
    'the pattern is longer than 256 characters; write less',
  ),
  {
    ...pattern(
      'a header pattern that is no regular expression of JavaScript',
      '(',
      'the pattern is no regular expression of JavaScript; escape special characters with a backslash',
    ),
    cluster: accepted('Invalid'),
  },
  pattern(
    'a header pattern with back references or lookaround',
    String.raw`(.)\1`,
    'the pattern uses back references or lookaround, which can take very long; write it without',
  ),
  pattern(
    'a header pattern with more than two repetitions',
    '.*a.*b.*',
    'the pattern has more than 2 repetitions (*, +, ?, {n}), which can take very long; write several matches or fewer repetitions',
  ),
  pattern(
    'a header pattern that repeats a group',
    '(a)+',
    'the pattern repeats a group, which can take very long; repeat single characters or classes, such as [a-z]+',
  ),
];

function pattern(mistake: string, value: string, check: string): MistakeRow {
  const headers = [{ name: 'x-a', type: 'RegularExpression', value }];
  return { mistake, spec: withSpec({ match: { headers } }), check, cluster: REFUSED };
}
