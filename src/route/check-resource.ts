import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { errorAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { providerSchema } from './provider-resource.ts';
import type { ProviderResource } from './provider-resource.ts';
import { metadataSchema, resourceSchema, specSchema } from './resource.ts';
import type { ResponsesRoute, RouteSpec } from './resource.ts';
import { toProblems } from './schema-problems.ts';

/** The fields of a map that are valid by themselves, with defaults; a broken one is undefined. */
export type Sound<T> = { readonly [Field in keyof T]: T[Field] | undefined };

/** The sections of a spec that are maps. */
type MapSection = Exclude<keyof RouteSpec, 'bridgeName' | 'hostnames' | 'providers'>;

/**
 * What is sound in a spec, field by field. So the rules can judge in one pass everything that can be judged, and no
 * mistake causes a second message about its consequences.
 */
export type RouteSections = { readonly [Section in MapSection]: Sound<RouteSpec[Section]> } & {
  readonly bridgeName: string | undefined;
  readonly hostnames: readonly string[] | undefined;
  /** As many as were written; undefined when the list itself is broken. */
  readonly providers: readonly Sound<ProviderResource>[] | undefined;
};

/** A document after the schema has seen it. */
export interface CheckedResource {
  /** The whole, with defaults; undefined when anything is wrong with it. */
  readonly route: ResponsesRoute | undefined;
  /** Undefined when metadata is broken. */
  readonly metadata: { readonly namespace: string; readonly name: string } | undefined;
  readonly sections: RouteSections;
  readonly problems: readonly Problem[];
}

/**
 * What becomes of a field that is not known here. `Refused`: it is a typing mistake. `Dropped`: it does not count, and a
 * warning says so. That is for objects of a cluster, where typing mistakes are refused before they are stored, and
 * where the resource's definition may be newer than this program: its defaults then stand in every object.
 */
export type UnknownFields = 'Refused' | 'Dropped';

/**
 * Holds a parsed document (YAML or JSON values) against the schema of ResponsesRoute.
 *
 * @returns Every mistake of form at once, and all that is sound. Never throws.
 */
export function checkResource(document: unknown, unknownFields: UnknownFields = 'Refused'): CheckedResource {
  const result = resourceSchema.safeParse(document);
  const unknown = result.error?.issues.filter((issue) => issue.code === 'unrecognized_keys') ?? [];
  if (unknownFields === 'Dropped' && unknown.length > 0) {
    const dropped = unknown.flatMap(({ path, keys }) => keys.map((key) => [...(path as Path), key]));
    const known = checkResource(withoutFields(document, dropped));
    return { ...known, problems: [...dropped.map(doesNotCount), ...known.problems] };
  }
  const raw = asRecord(document);
  const metadata = metadataSchema.safeParse(raw?.['metadata']);
  const problems =
    raw === undefined
      ? [errorAt([], 'the document must be a map of fields; begin with apiVersion and kind')]
      : toProblems(result.error?.issues ?? [], document);
  return {
    route: result.data,
    metadata: metadata.data && { namespace: metadata.data.namespace, name: metadata.data.name },
    sections: toSections(asRecord(raw?.['spec'])),
    problems,
  };
}

function doesNotCount(path: Path): Problem {
  const message = `there is no field ${String(path.at(-1))} for this version, so it does not count; update the operator, or remove it`;
  return { severity: 'warning', path, at: 'key', message };
}

/** A copy; what is not there is not missed. */
function withoutFields(document: unknown, paths: readonly Path[]): unknown {
  const copy = structuredClone(document);
  for (const path of paths) {
    let parent: unknown = copy;
    for (const step of path.slice(0, -1)) parent = (parent as Record<string | number, unknown>)[step];
    delete (parent as Record<string | number, unknown>)[path.at(-1) ?? ''];
  }
  return copy;
}

type MapSchema = z.ZodObject<Record<string, z.ZodType>>;

function toSections(spec: Record<string, unknown> | undefined): RouteSections {
  const sections: Record<string, unknown> = toSound(specSchema, spec);
  for (const [name, schema] of Object.entries<z.ZodType>(specSchema.shape)) {
    // Maps are optional in a spec, and default to what their fields default to.
    if (!(schema instanceof z.ZodPrefault)) continue;
    const isKnown = spec !== undefined && !meantFields(spec, Object.keys(specSchema.shape)).has(name);
    const raw = isKnown && spec[name] === undefined ? {} : spec?.[name];
    sections[name] = toSound(schema.unwrap() as MapSchema, asRecord(raw));
  }
  const providers = spec?.['providers'];
  sections['providers'] = Array.isArray(providers)
    ? providers.map((provider) => toSound(providerSchema, asRecord(provider)))
    : undefined;
  return sections as unknown as RouteSections;
}

/** Each field held against its own schema; all undefined when there is no map. */
function toSound(schema: MapSchema, raw: Record<string, unknown> | undefined): Record<string, unknown> {
  const names = Object.keys(schema.shape);
  const meant = meantFields(raw ?? {}, names);
  return Object.fromEntries(
    Object.entries(schema.shape).map(([name, field]) => {
      const isKnown = raw !== undefined && !meant.has(name);
      return [name, isKnown ? field.safeParse(raw[name]).data : undefined];
    }),
  );
}

/** Fields that are not written and that a mistyped name meant: unknown then, and not at their defaults. */
function meantFields(
  raw: Record<string, unknown>,
  names: readonly string[],
): ReadonlySet<string | undefined> {
  const unknown = Object.keys(raw).filter((name) => !names.includes(name));
  const unwritten = names.filter((name) => !Object.hasOwn(raw, name));
  return new Set(unknown.map((name) => didYouMean(name, unwritten)));
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : undefined;
}
