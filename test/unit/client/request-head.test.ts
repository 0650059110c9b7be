import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import {
  allowedQuery,
  clientKindOf,
  extendVia,
  readRequestHead,
  speaksCodexDialect,
} from '../../../src/client/request-head.ts';
import { headOf } from './heads.ts';

describe('the head of a request', () => {
  test('keeps the fields in order, repeated ones too, with names in lower case', () => {
    const request = {
      method: 'GET',
      url: '/v1/responses?a=1&b=?',
      headers: { host: 'Example.COM:8080' },
      rawHeaders: ['Host', 'Example.COM:8080', 'X-A', '1', 'x-a', '2'],
    } as unknown as IncomingMessage;
    expect(readRequestHead(request)).toMatchObject({
      method: 'GET',
      host: 'Example.COM:8080',
      path: '/v1/responses',
      query: 'a=1&b=?',
      fields: [
        { name: 'host', value: 'Example.COM:8080' },
        { name: 'x-a', value: '1' },
        { name: 'x-a', value: '2' },
      ],
    });
  });

  test('without a query there is an empty one', () => {
    expect(headOf({}, '/v1/responses').query).toBe('');
    expect(headOf({}, '/v1/responses?').query).toBe('');
  });
});

describe('a query', () => {
  const allow = new Set(['a', 'b c', 'ü']);

  test.each([
    ['', ''],
    ['a=1', 'a=1'],
    ['a=1&x=2&a=3', 'a=1&a=3'],
    ['a', 'a'],
    ['a=1=2&ab=3', 'a=1=2'],
    ['%61=1', '%61=1'],
    ['b+c=1&b%20c=2', 'b+c=1&b%20c=2'],
    ['%C3%BC=%26', '%C3%BC=%26'],
    ['%zz=1&a=%zz', 'a=%zz'],
    ['A=1&=2&&', ''],
    ['key=a&api_key=s', ''],
  ])('%j passes as %j', (query, expected) => {
    expect(allowedQuery(query, allow)).toBe(expected);
  });

  test('does not pass at all where no name is allowed', () => {
    expect(allowedQuery('a=1', new Set())).toBe('');
  });
});

describe('the hops of a request', () => {
  test('the first bridge adds itself', () => {
    expect(extendVia(headOf({}), 'me')).toEqual({ kind: 'ok', value: 'me' });
  });

  test('a sidecar in front of a central bridge is fine, three hops are too', () => {
    expect(extendVia(headOf({ 'x-turnbridge-via': 'one' }), 'me')).toEqual({ kind: 'ok', value: 'one, me' });
    expect(extendVia(headOf({ 'x-turnbridge-via': 'one, two ,' }), 'me')).toEqual({
      kind: 'ok',
      value: 'one, two, me',
    });
  });

  test('three hops behind it are one too many, however they are written', () => {
    expect(extendVia(headOf({ 'x-turnbridge-via': 'one, two, three' }), 'me')).toEqual({ kind: 'too-many' });
    expect(extendVia(headOf({ 'x-turnbridge-via': ['one', 'two', 'three'] }), 'me')).toEqual({
      kind: 'too-many',
    });
  });

  test('a bridge that meets itself says so, before it counts', () => {
    expect(extendVia(headOf({ 'x-turnbridge-via': 'one,me,two,three' }), 'me')).toEqual({ kind: 'own' });
    expect(extendVia(headOf({ 'x-turnbridge-via': 'me2' }), 'me').kind).toBe('ok');
  });
});

describe('what kind of client it is', () => {
  test.each<[Record<string, string>, boolean]>([
    [{ 'openai-beta': 'responses_websockets=2026-02-06' }, true],
    [{ 'openai-beta': 'other=v1, responses_websockets=2026-02-06' }, true],
    [{ 'openai-beta': 'x-responses_websockets=1' }, false],
    [{ 'openai-beta': 'realtime=v1' }, false],
    [{ 'user-agent': 'codex_exec/0.169.0' }, false],
    [{}, false],
  ])('%j: it speaks Codex’s dialect of frames: %j', (headers, speaks) => {
    expect(speaksCodexDialect(headOf(headers))).toBe(speaks);
  });

  test.each<[Record<string, string>, string]>([
    [{ 'openai-beta': 'responses_websockets=2026-02-06' }, 'codex'],
    [{ 'user-agent': 'codex_exec/0.169.0 (x)' }, 'codex'],
    [{ originator: 'codex_cli_rs' }, 'codex'],
    [{ 'user-agent': 'turnbridge/0.1.0' }, 'turnbridge'],
    [{ 'user-agent': 'OpenAI/Python 2.1.0' }, 'openai_sdk'],
    [{ 'user-agent': 'Bun/1', 'x-stainless-lang': 'js' }, 'openai_sdk'],
    [{ 'user-agent': 'curl/8' }, 'other'],
    [{}, 'other'],
  ])('%j is a client of kind %s', (headers, kind) => {
    expect(clientKindOf(headOf(headers))).toBe(kind);
  });
});
