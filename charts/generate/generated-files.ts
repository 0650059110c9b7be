/** All files of the charts that are printed from something else. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { crdTemplate } from './crd-template.ts';
import { valuesSchema } from './values-schema.ts';
import { valuesTables } from './values-table.ts';
import { readValues } from './values-tree.ts';

const STYLE = { singleQuote: true, printWidth: 110, trailingComma: 'all' } as const;
const CHARTS = ['turnbridge', 'turnbridge-crds'] as const;
const CRD = 'manifests/crd/responsesroutes.turnbridge.dev.yaml';

/**
 * @param root folder of the repository
 * @returns text of each file, by its path below `root`
 */
export async function generatedFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
  const { version } = JSON.parse(await read('package.json')) as { version: string };
  const crd = await read(CRD);
  const files = new Map<string, string>();
  for (const chart of CHARTS) {
    const folder = `charts/${chart}`;
    const values = readValues(await read(`${folder}/values.yaml`));
    const frame = await read(`charts/generate/${chart}.readme.md`);
    files.set(`${folder}/values.schema.json`, await json(valuesSchema(values)));
    files.set(
      `${folder}/README.md`,
      await markdown(frame.replace('<!-- values -->', () => valuesTables(values))),
    );
    files.set(`${folder}/Chart.yaml`, withVersion(await read(`${folder}/Chart.yaml`), version));
  }
  files.set('charts/turnbridge/templates/crds/responsesroutes.yaml', crdTemplate(crd, 'turnbridge'));
  files.set('charts/turnbridge-crds/templates/responsesroutes.yaml', crdTemplate(crd, 'turnbridge-crds'));
  return files;
}

/** The program's version is the chart's: each release brings both. */
function withVersion(chart: string, version: string): string {
  return chart
    .replace(/^version: .*$/m, `version: ${version}`)
    .replace(/^appVersion: .*$/m, `appVersion: '${version}'`)
    .replace(/(image: \S+\/turnbridge:)\S+/, `$1${version}`); // what Artifact Hub scans
}

function json(value: unknown): Promise<string> {
  return format(JSON.stringify(value), { ...STYLE, parser: 'json' });
}

function markdown(text: string): Promise<string> {
  return format(text, { ...STYLE, parser: 'markdown' });
}
