/** Options that choose a kind of run other than worlds of one server, made of seeds. Of two that are given, the first one here is taken. */
const CHOOSING = ['mutations', 'networks', 'servers', 'plan'] as const;

/** What each of them reads of the other options. Without one of them all are read. */
const READ: Readonly<Record<(typeof CHOOSING)[number], readonly string[]>> = {
  mutations: ['networks', 'servers'],
  networks: ['seed', 'seeds', 'minutes', 'follow'],
  servers: ['seed', 'seeds', 'minutes'],
  plan: ['follow', 'shrink'],
};

/** What is said of options that the chosen run would ignore, or undefined where it reads all that are given. */
export function ignoredOf(values: Readonly<Record<string, string | boolean | undefined>>): string | undefined {
  const given = Object.keys(values).filter((name) => values[name] !== undefined && values[name] !== false);
  const chosen = CHOOSING.find((name) => given.includes(name));
  if (chosen === undefined) return undefined;
  if (given.includes('networks') && given.includes('servers')) return '--networks does not go with --servers';
  const ignored = given.filter((name) => name !== chosen && !READ[chosen].includes(name));
  return ignored.length === 0 ? undefined : `--${chosen} does not go with --${ignored.join(', --')}`;
}
