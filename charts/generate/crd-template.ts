/** The CRD as a template of a chart: what it is stays as printed, its metadata is the chart's. */

/** Which of the two charts it is for. */
export type CrdChart = 'turnbridge' | 'turnbridge-crds';

const HEADS: Readonly<Record<CrdChart, string>> = {
  turnbridge: `{{- /* Copied from manifests/crd by \`npm run chart\`. In templates and not in crds/: Helm never upgrades those. */ -}}
{{- if .Values.crds.enabled -}}
`,
  'turnbridge-crds': `{{- /* Copied from manifests/crd by \`npm run chart\`. */ -}}
`,
};

const TAILS: Readonly<Record<CrdChart, string>> = { turnbridge: '{{- end }}\n', 'turnbridge-crds': '' };

/**
 * @param manifest the CRD as YAML, with a comment above it
 * @throws Error for a manifest that has something other than the metadata it is known to have, or braces that Helm reads
 */
export function crdTemplate(manifest: string, chart: CrdChart): string {
  const parts =
    /^(?:#.*\n)*(apiVersion: .*\nkind: .*\n)metadata:\n {2}name: (.*)\n {2}annotations:\n((?: {4}.*\n)+) {2}labels:\n((?: {4}.*\n)+)(spec:\n[\s\S]*)$/.exec(
      manifest,
    );
  if (parts === null || manifest.includes('{{')) {
    throw new Error('the CRD in manifests/crd has another shape than the chart knows: look at crdTemplate');
  }
  const [, kind = '', name = '', annotations = '', labels = '', spec = ''] = parts;
  const metadata =
    chart === 'turnbridge' ? ownedMetadata(name, annotations) : plainMetadata(name, annotations, labels);
  return `${HEADS[chart]}${kind}${metadata}${spec}${TAILS[chart]}`;
}

function ownedMetadata(name: string, annotations: string): string {
  const own = [...annotations.matchAll(/^ {4}(\S+): (.*)$/gm)].map(([, key, value]) => `"${key}" "${value}"`);
  return `{{- $annotations := dict ${own.join(' ')} -}}
{{- if .Values.crds.keep -}}
{{- $_ := set $annotations "helm.sh/resource-policy" "keep" -}}
{{- end }}
{{ include "turnbridge.metadata" (dict "root" . "component" "crd" "name" "${name}" "clusterScoped" true "annotations" $annotations) }}
`;
}

function plainMetadata(name: string, annotations: string, labels: string): string {
  return `metadata:
  name: ${name}
  annotations:
${annotations}    {{- if .Values.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
  labels:
${labels}    app.kubernetes.io/managed-by: {{ .Release.Service }}
`;
}
