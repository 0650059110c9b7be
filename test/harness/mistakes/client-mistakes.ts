import { REFUSED, refusedWith, withProvider, withSpec } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

/** `clients`. */
export const CLIENT_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'keys are to be checked, and no Secret is named',
    spec: withProvider({ auth: { type: 'None' } }, { clients: { auth: { type: 'APIKey' } } }),
    check:
      'clients.auth.type APIKey needs the Secret with the keys of clients; write secretRef: {name: NAME}',
    cluster: REFUSED,
  },
  {
    mistake: 'a Secret of clients whose keys are not checked',
    spec: withProvider(
      { auth: { type: 'None' } },
      { clients: { auth: { type: 'None', secretRef: { name: 'clients' } } } },
    ),
    check: 'secretRef counts for type APIKey only, and type is None; write type: APIKey, or remove it',
    cluster: REFUSED,
  },
  {
    mistake: 'a Secret whose name no object can have',
    spec: withProvider(
      { auth: { type: 'None' } },
      { clients: { auth: { type: 'APIKey', secretRef: { name: 'My_Clients' } } } },
    ),
    check: 'name must be the name of a Kubernetes object: lower-case letters, digits, hyphens and dots',
    cluster: refusedWith(
      'must be the name of a Kubernetes object: lower-case letters, digits, hyphens and dots',
    ),
  },
  {
    mistake: 'an origin with a slash at its end, or `*`',
    spec: withSpec({ clients: { allowedOrigins: ['https://app.example.com/'] } }),
    check:
      'allowedOrigins[0] must be an origin in lower case without a slash at the end, such as https://app.example.com',
    cluster: refusedWith(
      'must be an origin in lower case without a slash at the end, such as https://app.example.com',
    ),
  },
  {
    mistake: 'an origin written twice',
    spec: withSpec({ clients: { allowedOrigins: ['https://a.example.com', 'https://a.example.com'] } }),
    check: '"https://a.example.com" is written twice; remove one',
    cluster: refusedWith('spec.clients.allowedOrigins[1]: Duplicate value: "https://a.example.com"'),
  },
  {
    mistake: 'a query parameter that is none',
    spec: withSpec({ clients: { queryPassthrough: { allow: ['a b'] } } }),
    check: 'allow[0] must be the name of a query parameter: letters, digits, dots, hyphens',
    cluster: refusedWith('must be the name of a query parameter: letters, digits, dots, hyphens'),
  },
];
