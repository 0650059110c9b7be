/** The environment as a record: only cmd/ reads the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Expansion {
  /** With all variables replaced; those that have no value are left as they were written. */
  readonly text: string;
  /** What is wrong, one sentence each. Names of variables, never values. */
  readonly mistakes: readonly string[];
}

/** A whole text that a shell or a compose file would expand, and we do not: `$NAME`, `$(NAME)`. */
const OTHER_FORM = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\(([A-Za-z_][A-Za-z0-9_]*)\))$/;

/** What was surely meant, where a text looks like a variable of another program; undefined where it does not. */
export function meantVariable(text: string): string | undefined {
  const match = OTHER_FORM.exec(text.trim());
  const name = match?.[1] ?? match?.[2];
  return name === undefined
    ? undefined
    : `this is taken as it is written; for the environment variable write \${${name}}`;
}

/** Replaces `${NAME}` by the value of that environment variable; `$${NAME}` stands for the text `${NAME}`. */
export function expandVariables(text: string, env: Environment): Expansion {
  const mistakes: string[] = [];
  const expanded = text.replace(/\$?\$\{([^}]*)\}/g, (written, name: string) => {
    if (written.startsWith('$$')) return written.slice(1);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      mistakes.push('this is no environment variable; write ${NAME}, or $${ for the text ${ itself');
      return written;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || value === '') {
      const state = value === undefined ? 'not set' : 'empty';
      mistakes.push(`environment variable ${name} is ${state}; set it before the start, or write another`);
      return written;
    }
    return value;
  });
  return { text: expanded, mistakes };
}
