/** The rows of the tables in docs/routes.md, from the JSON schema: one source, and a test that compares. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** One row for each field that holds a value or a list; maps are told by their fields. */
export function fieldRows(schema: Schema, prefix = ''): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) === true;
    if (field.properties !== undefined) return fieldRows(field, `${path}.`);
    return [
      `| \`${path}\` | ${defaultOf(field, required)} | ${values(field)} | ${escape(field.description ?? '')} |`,
      ...(field.items === undefined ? [] : fieldRows(field.items, `${path}[].`)),
    ];
  });
}

function defaultOf(field: Schema, required: boolean): string {
  const value = field.default;
  if (value === undefined) return required ? 'required' : 'none';
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : value.map((entry) => `\`${String(entry)}\``).join(', ');
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``.replace('` `', '` `');
}

function values(field: Schema): string {
  if (field.const !== undefined) return `\`${JSON.stringify(field.const).replaceAll('"', '')}\``;
  const choices = field.enum ?? field.items?.enum;
  const upTo = field.maxItems === undefined ? '' : `up to ${field.maxItems}`;
  if (choices !== undefined)
    return [upTo, ...choices.map((choice) => `\`${String(choice)}\``)].filter(Boolean).join(' ');
  if (field.type === 'integer') return `${field.minimum} to ${field.maximum}`;
  if (upTo !== '') return upTo;
  return field.type === 'object' ? 'map' : 'text';
}

function escape(text: string): string {
  return text.replaceAll('*', '\\*');
}
