/** Owners: Kubernetes deletes an object when the last of its owners is gone (its garbage collector does). */

/**
 * Of `metadata.ownerReferences`. Without `blockOwnerDeletion`: the owner goes first and nobody waits for us, and the
 * right to hold it back (finalizers) is not needed.
 */
export interface OwnerReference {
  readonly apiVersion: 'v1';
  readonly kind: 'ServiceAccount' | 'Service';
  readonly name: string;
  /** An object of the same name that was made later is another one. */
  readonly uid: string;
}

/** Whether an object with these references, as the API server sent them, has this owner. */
export function hasOwner(references: unknown, owner: OwnerReference): boolean {
  return entriesOf(references).some(({ uid }) => uid === owner.uid);
}

/** The references with this owner among them; an earlier one of its kind and name is left out, as it is gone. */
export function withOwner(references: unknown, owner: OwnerReference): readonly unknown[] {
  const others = entriesOf(references).filter(({ kind, name }) => kind !== owner.kind || name !== owner.name);
  return [...others, owner];
}

/** Those that name an owner of this kind and name, whichever of that name it was. */
export function ownersNamed(
  references: unknown,
  { kind, name }: Pick<OwnerReference, 'kind' | 'name'>,
): readonly unknown[] {
  return entriesOf(references).filter((entry) => entry.kind === kind && entry.name === name);
}

type Entry = Readonly<Partial<Record<'kind' | 'name' | 'uid', unknown>>>;

function entriesOf(references: unknown): readonly Entry[] {
  if (!Array.isArray(references)) return [];
  return (references as unknown[]).filter(
    (entry): entry is Entry => typeof entry === 'object' && entry !== null,
  );
}
