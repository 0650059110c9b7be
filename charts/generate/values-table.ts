/** From the tree of a chart's values to the tables of its README: a section for each top-level key that is a map. */
import type { ValueNode } from './values-tree.ts';

/** Markdown: a table of what stands alone, then a heading and a table for each map. */
export function valuesTables(nodes: readonly ValueNode[]): string {
  const alone = nodes.filter(({ children }) => children === undefined);
  const sections = nodes.filter(({ children }) => children !== undefined);
  return [
    ...(alone.length === 0 ? [] : [table(alone)]),
    ...sections.map((node) =>
      [
        `### ${node.path.join('.')}`,
        ...(node.description === '' ? [] : [`${node.description}.`]),
        table(leavesOf(node)),
      ].join('\n\n'),
    ),
  ].join('\n\n');
}

/** All values below one that users write as a whole. */
export function leavesOf(node: ValueNode): readonly ValueNode[] {
  return node.children === undefined ? [node] : node.children.flatMap(leavesOf);
}

function table(leaves: readonly ValueNode[]): string {
  const rows = leaves.map(
    (leaf) => `| \`${leaf.path.join('.')}\` | ${defaultOf(leaf.value)} | ${cell(descriptionOf(leaf))} |`,
  );
  return ['| value | default | what it does |', '| --- | --- | --- |', ...rows].join('\n');
}

function defaultOf(value: unknown): string {
  return value === '' ? '–' : `\`${cell(JSON.stringify(value))}\``;
}

function descriptionOf({ description, marks }: ValueNode): string {
  const choices = marks.enum?.filter((text) => text !== '').map((text) => `\`${text}\``);
  return [
    ...(description === '' ? [] : [description]),
    ...(choices === undefined ? [] : [`One of ${choices.join(', ')}`]),
  ].join('. ');
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
