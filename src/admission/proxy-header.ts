import type { Endpoint } from '../stun/address.js';
import { plainAddressText } from './address.js';

/*
 * Version 2 of the PROXY protocol, as HAProxy specifies it: how a proxy or balancer tells whose connection it passes on.
 *
 *     signature 12 B | version and command 1 B | family and transport 1 B | length 2 B | addresses | TLVs
 *
 * Version 1 (a line of text) is not taken: one form is easier to hold, and only this one says in advance how long it is.
 */

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION_2 = 0x20;
const COMMAND = { local: 0, proxy: 1 } as const;
/** The byte of family and transport: those that a connection can have. The other two are of datagrams. */
const FAMILY = { unspecified: 0x00, inetStream: 0x11, inet6Stream: 0x21, unixStream: 0x31 } as const;
/** Bytes of the part before the addresses. */
const FIXED_BYTES = 16;
/** Bytes of the addresses by family: source and destination, and for IP the two ports. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [FAMILY.unspecified]: 0,
  [FAMILY.inetStream]: 12,
  [FAMILY.inet6Stream]: 36,
  [FAMILY.unixStream]: 216,
};

/**
 * Bytes of the addresses and what follows. The length can say 65,535; proxies send up to some hundreds (a host name of 255,
 * a request id of 128, the endpoint of a cloud's network), and with a client's certificate some 2 KiB.
 */
export const HEADER_LENGTH_MAX = 4_096;

/** A header, once all of it is there. */
export interface ProxyHeader {
  /** Bytes of the header. What follows belongs to the client. */
  readonly length: number;
  /**
   * Whose connection this is; undefined where the header says none (a health check of the proxy itself, or a client
   * without an IP address): then it is the proxy's.
   */
  readonly source: Endpoint | undefined;
}

/** Bytes that are no such header, with what is wrong with them. */
export class ProxyHeaderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProxyHeaderError';
  }
}

/**
 * Reads the header at the front of what a connection has brought. Undefined: it is not complete yet. Throws a
 * {@link ProxyHeaderError} as soon as it can be none.
 *
 * TLVs are skipped, the checksum (PP2_TYPE_CRC32C) with them: TCP has one, and who could change the header on its way from
 * a trusted proxy could change the checksum, too.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  const seen = Math.min(bytes.length, SIGNATURE.length);
  if (!SIGNATURE.subarray(0, seen).equals(bytes.subarray(0, seen))) {
    throw new ProxyHeaderError('it does not begin with the signature of version 2');
  }
  const command = readCommand(bytes[12]);
  // What a LOCAL header says of addresses is to be discarded, so it may say anything.
  const family = command === COMMAND.local ? FAMILY.unspecified : (bytes[13] ?? FAMILY.unspecified);
  const addressBytes = ADDRESS_BYTES[family];
  if (addressBytes === undefined) {
    throw new ProxyHeaderError(`its family and transport are 0x${family.toString(16)}, which no connection has`);
  }
  if (bytes.length < FIXED_BYTES) return undefined;
  const length = (bytes[14] << 8) | bytes[15];
  if (length > HEADER_LENGTH_MAX) {
    throw new ProxyHeaderError(`it says that ${length} bytes follow; ${HEADER_LENGTH_MAX} are the limit`);
  }
  if (length < addressBytes) {
    throw new ProxyHeaderError(`it says that ${length} bytes follow, and its addresses have ${addressBytes}`);
  }
  if (bytes.length < FIXED_BYTES + length) return undefined;
  const addresses = bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes);
  return { length: FIXED_BYTES + length, source: readSource(addresses, family) };
}

/** The command; undefined while its byte has not come. */
function readCommand(byte: number | undefined): number | undefined {
  if (byte === undefined) return undefined;
  if ((byte & 0xf0) !== VERSION_2) throw new ProxyHeaderError(`it is of version ${byte >> 4}, not 2`);
  const command = byte & 0x0f;
  if (command > COMMAND.proxy) throw new ProxyHeaderError(`its command is ${command}, neither LOCAL nor PROXY`);
  return command;
}

/** Source address, destination address, source port, destination port: the first and the third of them. */
function readSource(addresses: Buffer, family: number): Endpoint | undefined {
  if (family !== FAMILY.inetStream && family !== FAMILY.inet6Stream) return undefined;
  const size = family === FAMILY.inetStream ? 4 : 16;
  const port = addresses.readUInt16BE(2 * size);
  // Connections are told apart by address and port, and grpc-js leaves a port of 0 out of the names that it gives them.
  if (port === 0) throw new ProxyHeaderError('its source port is 0, which no connection has');
  return { host: plainAddressText(addresses.subarray(0, size)), port };
}
