import { readFile } from 'node:fs/promises';

/** Where Linux says its IPv4 routes: interface, destination, gateway, …, each address as eight hexadecimal digits, least byte first. */
const ROUTES = '/proc/net/route';
const ANYWHERE = '00000000';

/** The routers that default routes lead to over IPv4; none on systems other than Linux, which say so only to programs of their own. */
export async function defaultGateways(): Promise<readonly string[]> {
  const text = await readFile(ROUTES, 'ascii').catch(() => '');
  return gatewaysIn(text);
}

/** The same of a text in the form of /proc/net/route. */
export function gatewaysIn(text: string): readonly string[] {
  const routes = text.split('\n').map((line) => line.trim().split(/\s+/));
  const found = routes.flatMap(([, destination, gateway = '']) => {
    return destination === ANYWHERE && /^[0-9A-F]{8}$/i.test(gateway) && gateway !== ANYWHERE ? [dotted(gateway)] : [];
  });
  return [...new Set(found)];
}

function dotted(gateway: string): string {
  return [...Buffer.from(gateway, 'hex')].reverse().join('.');
}
