import { spawn } from 'node:child_process';
import { isLoopback, parseAddress } from '../../base/address.js';
import { makeCode } from '../../console/credentials.js';
import {
  type ConnectionFlags,
  networkOf,
  serverAddress,
  serverPorts,
  withAdministrator,
  withServer,
} from '../connection.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { adminTokenFor } from '../trust/admin-token.js';

/** How `console` was asked for. */
export interface ConsoleFlags extends ConnectionFlags {
  readonly print?: boolean;
  readonly admin?: boolean;
}

/** Programs that open a page, by platform. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = { darwin: ['open'], linux: ['xdg-open'] };

/**
 * Prints where the console is, with a code that lets a browser in once, and opens it for a person. The code is made here, of
 * the administrator's token. Where that was found without being named, the server proves first that it knows it: the page is
 * where the server says, and a code that another one gets is good at the own one for a minute.
 */
export async function openConsole(flags: ConsoleFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, clock, random, signal } = surroundings;
  const server = serverAddress(flags, surroundings);
  const admin = await adminTokenFor(flags, surroundings, serverPorts(flags, surroundings));
  if (admin === undefined) {
    const how = "name the server's data folder with --data, or give --admin-token";
    throw new Failure(`no administrator's token was found, of which logins are made: ${how}`);
  }
  const ask = admin.foundIn === undefined ? withServer : withAdministrator;
  const { addresses } = await ask(flags, surroundings, (yard) => yard.getServer({ signal }));
  const found = addresses.find(({ codeName }) => codeName === 'console');
  if (found === undefined) {
    throw new Failure('this server has no console: start it with `switchyard serve --console`');
  }
  const { tls, tlsCa, tlsCert } = flags;
  const hasFiles = tls || tlsCa !== undefined || tlsCert !== undefined;
  // Beyond loopback it speaks TLS always, on loopback only by a certificate of --tls-cert.
  const scheme = hasFiles || !isLoopback(parseAddress(found.address)) ? 'https' : 'http';
  const whom = { role: flags.admin ? 'administrator' : 'viewer', network: networkOf(flags, surroundings) } as const;
  const code = makeCode(admin.token, whom, clock, random);
  const url = `${scheme}://${reachable(found.address, server)}/#code=${code}`;
  await terminal.out.write(url);
  if (flags.print || !terminal.out.interactive) return;
  const [program, ...args] = OPENERS[surroundings.platform] ?? [];
  if (program === undefined) return;
  // Where there is no such program, or no screen, the address that was printed is enough.
  spawn(program, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

/** A console that listens on all interfaces is reached by the host by which the server is. */
function reachable(address: string, server: string): string {
  const { host, port } = parseAddress(address);
  if (host !== '0.0.0.0' && host !== '::') return address;
  const { host: asked } = parseAddress(server);
  return `${asked.includes(':') ? `[${asked}]` : asked}:${port}`;
}
