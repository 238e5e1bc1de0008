import type { DoorReports } from '../admission/door-reports.js';
import { type Address, formatAddress, isLoopback, plainAddress } from '../base/address.js';
import type { Config } from '../config/options.js';
import type { AuthMode } from '../core/model/trust/policy.js';
import type { Accept } from '../transport/pipe.js';

/** A start with a port on which a proof is worth nothing. */
export class PlainPortError extends Error {
  override readonly name = 'PlainPortError';
}

/** What decides about ports without TLS. */
export type PlainPorts = Pick<Config, 'systemTcpListen' | 'systemWsListen' | 'allowPlaintext'>;

/**
 * Throws a {@link PlainPortError} when callers have to prove who they are and system events are taken in plain text beyond loopback:
 * whoever is on the way can take such a connection over after its proof. `--allow-plaintext` gives that up.
 */
export function checkPlainPorts({ systemTcpListen, systemWsListen, allowPlaintext }: PlainPorts, mode: AuthMode): void {
  if (mode !== 'required' || allowPlaintext) return;
  const ports: readonly (readonly [string, Address | undefined])[] = [
    ['tcp', systemTcpListen],
    ['ws', systemWsListen],
  ];
  for (const [name, address] of ports) {
    if (address === undefined || isLoopback(address)) continue;
    const encrypted = name === 'tcp' ? 'tls' : 'wss';
    throw new PlainPortError(
      `--system-${name}-listen ${formatAddress(address)}: where callers prove who they are (required), a connection in plain text can be taken over after its proof: use --system-${encrypted}-listen, a loopback address, or --allow-plaintext`,
    );
  }
}

/** Where a gate for ports without TLS leads connections. */
export interface PlainDoor {
  readonly accept: Accept;
  /** Those from other machines, which may not be about a network where callers have to prove who they are. */
  readonly acceptFar: Accept;
}

/** What a gate for ports without TLS needs. */
export interface PlainGateDeps {
  readonly allowPlaintext: boolean;
  readonly mode: () => AuthMode;
  /** Told of each address that was refused. */
  readonly reports: Pick<DoorReports, 'report'>;
}

const CLOSED = 'connections of system events in plain text are closed: callers have to prove who they are';

/**
 * Takes connections of a port without TLS, but none from other machines while callers have to prove who they are. The mode may have become
 * `required` since the start.
 */
export function plainGate(door: PlainDoor, { allowPlaintext, mode, reports }: PlainGateDeps): Accept {
  return (pipe) => {
    const isFar = !isLoopback({ host: plainAddress(pipe.remote), port: 0 });
    if (allowPlaintext || !isFar) return door.accept(pipe);
    if (mode() !== 'required') return door.acceptFar(pipe);
    reports.report({ door: 'system', cause: 'protocol', why: CLOSED, address: pipe.remote });
    pipe.destroy();
    return undefined;
  };
}
