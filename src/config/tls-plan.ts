import { type Address, isLoopback } from '../base/address.js';

/** Which ports speak TLS, and by whose certificate. */
export interface TlsPlan {
  /** `files`: the one that --tls-cert names; `own`: one that the server makes for itself; `none`: no port speaks TLS. */
  readonly source: 'files' | 'own' | 'none';
  readonly grpc: boolean;
  readonly console: boolean;
  /** Clients without gRPC. */
  readonly web: boolean;
  readonly metrics: boolean;
}

/** The options that decide which ports speak TLS. */
export interface TlsChoice {
  readonly tlsCert?: string | undefined;
  readonly allowPlaintext: boolean;
  readonly listen: Address;
  readonly consoleListen?: Address | undefined;
  readonly webListen?: Address | undefined;
  readonly metricsListen?: Address | undefined;
  readonly systemTlsListen?: Address | undefined;
  readonly systemWssListen?: Address | undefined;
}

/**
 * Decides it. With --tls-cert every port does, but for metrics on loopback, where collectors have always come in plain text. Without
 * it those beyond loopback do, and gRPC also where --system-tls-listen or --system-wss-listen ask for a certificate: what a proof may be
 * bound to is the same at all doors. --allow-plaintext takes back what follows from an address alone, but for the ports that
 * browsers come to.
 */
export function tlsPlan(config: TlsChoice): TlsPlan {
  const { tlsCert, allowPlaintext, listen, consoleListen, webListen, metricsListen } = config;
  const { systemTlsListen, systemWssListen } = config;
  const isFar = (address: Address | undefined) => address !== undefined && !isLoopback(address);
  const hasFiles = tlsCert !== undefined;
  const isAskedFor = systemTlsListen !== undefined || systemWssListen !== undefined;
  const grpc = hasFiles || isAskedFor || (isFar(listen) && !allowPlaintext);
  const console = consoleListen !== undefined && (hasFiles || isFar(consoleListen));
  const web = webListen !== undefined && (hasFiles || isFar(webListen));
  const metrics = isFar(metricsListen) && !allowPlaintext;
  const isOwn = grpc || console || web || metrics;
  return { source: hasFiles ? 'files' : isOwn ? 'own' : 'none', grpc, console, web, metrics };
}
