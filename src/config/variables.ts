/** The environment as a record: only cmd/ reads the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Expansion {
  /** With all variables replaced; those that have no value are left as they were written. */
  readonly text: string;
  /** What is wrong, one sentence each. Names of variables, never values. */
  readonly mistakes: readonly string[];
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
