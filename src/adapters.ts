import { readFile } from 'node:fs/promises';
import type { Config } from './config.js';
import type { SystemLimits } from './limits.js';
import { tcpAdapter } from './system/adapters/tcp.js';
import { tlsAdapter } from './system/adapters/tls.js';
import { wsAdapter } from './system/adapters/ws.js';
import { wssAdapter } from './system/adapters/wss.js';
import type { Adapter } from './transport/adapter.js';

/** The adapters of system events that the options ask for. None listens unless it was asked for. */
export async function makeAdapters(config: Config, limits: SystemLimits): Promise<Adapter[]> {
  const { systemTcpListen, systemTlsListen, systemWsListen, systemWssListen } = config;
  const { packetBytesMax, handshakeMs } = limits;
  const adapters: Adapter[] = [];
  if (systemTcpListen !== undefined) adapters.push(tcpAdapter(systemTcpListen, packetBytesMax));
  if (systemWsListen !== undefined) adapters.push(wsAdapter(systemWsListen, packetBytesMax, handshakeMs));
  if (systemTlsListen === undefined && systemWssListen === undefined) return adapters;
  const tls = { ...(await certificates(config)), handshakeTimeout: handshakeMs };
  if (systemTlsListen !== undefined) adapters.push(tlsAdapter(systemTlsListen, packetBytesMax, tls));
  if (systemWssListen !== undefined) adapters.push(wssAdapter(systemWssListen, packetBytesMax, handshakeMs, tls));
  return adapters;
}

/** The same certificate and the same question to clients as over gRPC. The options have been checked to be there. */
async function certificates({ tlsCert, tlsKey, tlsClientCa }: Config) {
  const [cert, key] = await Promise.all([readFile(tlsCert!), readFile(tlsKey!)]);
  if (tlsClientCa === undefined) return { cert, key };
  return { cert, key, ca: await readFile(tlsClientCa), requestCert: true, rejectUnauthorized: true };
}
