/** Hosts to which no proxy leads: as suffixes and networks, which is how grpc-js compares them. */
const LOOPBACK = ['localhost', '127.0.0.0/8', '::1'];

/** The names by which other programs know them; the upper-case one first where only that is usual. */
const PROXY = ['https_proxy', 'HTTPS_PROXY'];
const NO_PROXY = ['no_grpc_proxy', 'no_proxy', 'NO_PROXY'];

/**
 * The environment variables by which grpc-js reaches servers through an HTTP CONNECT proxy, from those that are usual. It reads the
 * names in lower case alone, and would ask the proxy for servers on the machine itself, too. Empty where no proxy is given.
 */
export function proxyVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const proxy = firstOf(env, PROXY);
  if (proxy === undefined) return {};
  const others = firstOf(env, NO_PROXY)?.split(',') ?? [];
  const names = [...others.map((name) => name.trim()).filter((name) => name !== ''), ...LOOPBACK];
  return { https_proxy: proxy, no_grpc_proxy: names.join(',') };
}

function firstOf(env: Readonly<Record<string, string | undefined>>, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
}
