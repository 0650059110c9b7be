/** What the values of the whole chart do: names, labels, image, rights, the resource. */
import type { ValueRow } from './value-row.ts';

const DEPLOYMENT = 'Deployment/turnbridge';
const IMAGE = 'spec.template.spec.containers.bridge.image';
const CRD = 'CustomResourceDefinition/responsesroutes.turnbridge.dev';
const VIEW = 'ClusterRole/turnbridge-view-turnbridge';
const EDIT = 'ClusterRole/turnbridge-edit-turnbridge';
const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to';
const DIGEST = `sha256:${'0'.repeat(64)}`;

export const rows: readonly ValueRow[] = [
  {
    value: 'global.imageRegistry',
    to: 'mirror.example',
    object: DEPLOYMENT,
    at: IMAGE,
    has: 'mirror.example/turnbridge/turnbridge:',
  },
  {
    value: 'global.imagePullSecrets',
    to: [{ name: 'a' }],
    object: DEPLOYMENT,
    at: 'spec.template.spec.imagePullSecrets',
    has: { name: 'a' },
  },
  { value: 'nameOverride', to: 'other', object: 'Deployment/turnbridge-other' },
  { value: 'fullnameOverride', to: 'other', object: 'Deployment/other' },
  { value: 'namespaceOverride', to: 'elsewhere', object: 'Deployment/turnbridge@elsewhere' },
  {
    value: 'commonLabels',
    to: { team: '{{ .Release.Name }}' },
    object: 'Service/turnbridge-ops',
    at: 'metadata.labels.team',
    is: 'turnbridge',
  },
  {
    value: 'commonAnnotations',
    to: { 'a.example/b': 'c' },
    object: CRD,
    at: ['metadata', 'annotations', 'a.example/b'],
    is: 'c',
  },
  {
    value: 'clusterDomain',
    to: 'k8s.example',
    object: 'Pod/turnbridge-test',
    at: 'spec.containers.0.args',
    has: 'http://turnbridge.turnbridge.svc.k8s.example/v1',
  },
  {
    value: 'image.registry',
    to: '',
    object: DEPLOYMENT,
    at: IMAGE,
    is: 'turnbridge/turnbridge:1',
    with: { image: { tag: '1' } },
  },
  { value: 'image.repository', to: 'a/b', object: DEPLOYMENT, at: IMAGE, has: '/a/b:' },
  { value: 'image.tag', to: '9', object: DEPLOYMENT, at: IMAGE, has: ':9' },
  { value: 'image.digest', to: DIGEST, object: DEPLOYMENT, at: IMAGE, has: `/turnbridge@${DIGEST}` },
  {
    value: 'image.pullPolicy',
    to: 'Never',
    object: DEPLOYMENT,
    at: 'spec.template.spec.containers.bridge.imagePullPolicy',
    is: 'Never',
  },
  {
    value: 'image.pullSecrets',
    to: [{ name: 'a' }],
    object: DEPLOYMENT,
    at: 'spec.template.spec.imagePullSecrets',
    has: { name: 'a' },
  },
  {
    value: 'compatibility.openshift',
    to: 'Enabled',
    object: DEPLOYMENT,
    at: 'spec.template.spec.securityContext.runAsUser',
    gone: true,
  },
  { value: 'crds.enabled', to: false, object: CRD, gone: true },
  {
    value: 'crds.keep',
    to: false,
    object: CRD,
    at: ['metadata', 'annotations', 'helm.sh/resource-policy'],
    gone: true,
  },
  { value: 'rbac.create', to: false, object: 'Role/turnbridge-operator', gone: true },
  { value: 'rbac.create', to: false, object: 'ClusterRole/turnbridge-operator-turnbridge', gone: true },
  { value: 'rbac.create', to: false, object: 'Role/turnbridge-bridge', gone: true },
  { value: 'rbac.create', to: false, object: VIEW, gone: true },
  {
    value: 'rbac.aggregateToView',
    to: false,
    object: VIEW,
    at: ['metadata', 'labels', `${AGGREGATE}-view`],
    gone: true,
  },
  {
    value: 'rbac.aggregateToEdit',
    to: false,
    object: EDIT,
    at: ['metadata', 'labels', `${AGGREGATE}-edit`],
    gone: true,
  },
  {
    value: 'rbac.aggregateToAdmin',
    to: false,
    object: EDIT,
    at: ['metadata', 'labels', `${AGGREGATE}-admin`],
    gone: true,
  },
  {
    value: 'extraObjects',
    to: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-more' } }],
    object: 'ConfigMap/turnbridge-more',
  },
  {
    value: 'extraObjects',
    to: ['apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-text }'],
    object: 'ConfigMap/turnbridge-text',
  },
];
