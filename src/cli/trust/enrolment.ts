import { readFile } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { parseAddress } from '../../base/address.js';
import {
  decodeTicket,
  findPinnedRoot,
  type Identity,
  IdentityKind,
  StatusCode,
  Switchyard,
  SwitchyardError,
  type TicketContent,
  TicketTextError,
  type TlsOptions,
  type ToldPins,
} from '../../client/index.js';
import { whyNothingIsKept } from '../../config/config.js';
import { DEFAULT_NETWORK } from '../../core/model/network.js';
import { type ConnectionFlags, namedNetwork, serverAddresses, tlsOptions } from '../connection.js';
import { diagnose } from '../operate/diagnose.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { type Membership, membership, rememberMembership, rememberServer } from './known-servers.js';
import { instanceOf, type KeyFlags, keyName, ownKey } from './own-key.js';

/** How a ticket is redeemed. */
export interface EnrolFlags extends KeyFlags {
  /** The file of the ticket's text; `-` is standard input. Else it is in SWITCHYARD_TICKET. */
  readonly ticketFile?: string;
  readonly name?: string;
  readonly uuid?: string;
  readonly json?: boolean;
}

/** Who this user is now. */
export interface EnrolledUser {
  readonly member: Membership;
  /** Undefined where nothing was asked, because the ticket was redeemed before. */
  readonly identity?: Identity | undefined;
}

/** Longer than any ticket, and any issuer's token. */
const SECRET_LENGTH_MAX = 16_384;
/** How long one address may take: there may be others in the ticket. */
const ADDRESS_TIMEOUT_MS = 10_000;
/** Of a call whose answer was lost: it may be repeated, as it spends one use however often it comes. */
const TRIES = 2;
/** The key of an identity without a name, in the key folder. */
const UNNAMED = 'enrolled';

/** Redeems a ticket, and says who this user is now. */
export async function enrolCommand(flags: EnrolFlags, surroundings: Surroundings): Promise<void> {
  const text = await readTicketText(flags, surroundings);
  if (text === undefined) {
    throw new UsageError('--ticket-file FILE (- is standard input) or SWITCHYARD_TICKET: which ticket to redeem');
  }
  const { member, identity } = await enrolWith(text, flags, surroundings, { isAlwaysAsked: true });
  const { out } = surroundings.terminal;
  const { server, uuid, name = '' } = member;
  const roles = identity?.roles ?? [];
  if (flags.json) return out.json({ server, instanceUuid: uuid, name, roles });
  const called = name === '' ? '' : `, ${name}`;
  await out.write(`enrolled at ${server} as ${uuid}${called}: ${roles.join(', ') || 'no role'}`);
}

/** The text of the ticket that the flags or the environment name; undefined when they name none. */
export async function readTicketText(
  { ticketFile }: Pick<EnrolFlags, 'ticketFile'>,
  surroundings: Surroundings,
): Promise<string | undefined> {
  if (ticketFile === undefined) return surroundings.env.SWITCHYARD_TICKET || undefined;
  return readSecretText('--ticket-file', ticketFile, surroundings);
}

/** What is in the file that an option names; `-` is standard input. */
export async function readSecretText(option: string, file: string, { input, signal }: Surroundings): Promise<string> {
  if (file !== '-') {
    return readFile(file, 'utf8').catch((error: Error) => {
      throw new UsageError(`${option}: ${file} cannot be read: ${error.message}`);
    });
  }
  let text = '';
  for await (const chunk of addAbortSignal(signal, input)) {
    text += String(chunk);
    if (text.length > SECRET_LENGTH_MAX) throw new UsageError(`${option} -: that is too long`);
  }
  return text;
}

/**
 * Redeems a ticket and keeps what it has led to: the server, how it is known, and as whom. A ticket that was redeemed before for the
 * same name is not redeemed again, unless that is asked for.
 */
export async function enrolWith(
  text: string,
  flags: EnrolFlags,
  surroundings: Surroundings,
  { isAlwaysAsked = false } = {},
): Promise<EnrolledUser> {
  const ticket = readTicket(text);
  // A ticket does not say of which network it is. One that nobody names is the default one, wherever this user was enrolled before.
  const network = namedNetwork(flags, surroundings) ?? DEFAULT_NETWORK;
  // Before the ticket is spent: what it leads to is kept there, whatever --key says.
  const homeless = whyNothingIsKept(surroundings);
  if (homeless !== undefined) throw new Failure(`what a ticket leads to cannot be kept: ${homeless}. Set HOME`);
  const isSaid = flags.server !== undefined || (ticket.addresses.length === 0 && surroundings.env.SWITCHYARD_SERVER);
  const servers = isSaid ? serverAddresses(flags, surroundings) : ticket.addresses;
  if (servers.length === 0) throw new UsageError('--server: the ticket says no address of the server');
  const before = membership(surroundings);
  if (!isAlwaysAsked && before !== undefined && isRedeemed(before, servers, { ...flags, network }))
    return { member: before };
  let failure: unknown;
  for (const server of servers) {
    try {
      return await enrolAt({ ...flags, server, network }, ticket, surroundings);
    } catch (error) {
      if (!(error instanceof SwitchyardError) || !isAway(error)) throw error;
      failure ??= await diagnose(error, { server, tls: ticketTls(ticket, flags, surroundings) }, surroundings.clock);
    }
  }
  throw failure;
}

async function enrolAt(
  flags: EnrolFlags & { readonly server: string; readonly network: string },
  ticket: TicketContent,
  surroundings: Surroundings,
): Promise<EnrolledUser> {
  const { server, network, name } = flags;
  const { uuid, key, bindProofs } = await ownIdentity(flags, surroundings);
  let { pins } = ticket;
  const asked = ticketTls(ticket, flags, surroundings);
  // The ticket may be older than the next authority.
  const onPins = (told: ToldPins) => {
    pins = told.pins;
  };
  const tls = asked && { ...asked, onPins };
  const yard = new Switchyard({ server, tls, network, tracer: surroundings.tracer });
  try {
    const redeemed = { secret: ticket.secret, uuid, key: await key(), name };
    const options = { signal: surroundings.signal, timeoutMs: ADDRESS_TIMEOUT_MS, bindProofs };
    const { identity } = await repeated(() => yard.identities.enroll(redeemed, options));
    const { isEncrypted } = ticket;
    const authority = pins.length === 0 ? undefined : await findPinnedRoot(parseAddress(server), pins);
    rememberServer({ server, pins, isEncrypted }, authority, surroundings);
    const hasSeveral = identity.kind === IdentityKind.PERSON || identity.kind === IdentityKind.SERVICE;
    const member = { server, network, uuid, name: identity.name || name, keyName: nameOfKey(flags), hasSeveral };
    rememberMembership(member, surroundings);
    return { member, identity };
  } finally {
    await yard.close();
  }
}

async function ownIdentity(flags: EnrolFlags, surroundings: Surroundings) {
  const { path, key, bindProofs } = await ownKey(nameOfKey(flags), flags, surroundings);
  return { uuid: flags.uuid ?? (await instanceOf(path)), key, bindProofs };
}

function nameOfKey({ name, uuid }: EnrolFlags): string {
  return name === undefined && uuid === undefined ? UNNAMED : keyName({ name, uuid });
}

/** How the ticket says that its server is known; where it has no pin, what the flags say. */
function ticketTls({ isEncrypted, pins }: TicketContent, flags: ConnectionFlags, surroundings: Surroundings) {
  if (!isEncrypted) return undefined;
  const asked: TlsOptions | undefined = tlsOptions({ ...flags, tls: flags.tls ?? pins.length === 0 }, surroundings);
  if (pins.length === 0) return asked;
  const { cert, key } = asked ?? {};
  return { pins, ...(cert && { cert }), ...(key && { key }) };
}

/** The options that lead a command to where this user has enrolled. */
export function placeOf({ server, network = DEFAULT_NETWORK }: Membership) {
  return { server, network };
}

function isRedeemed(before: Membership, servers: readonly string[], { name, uuid, network }: EnrolFlags): boolean {
  const isSame = (name === undefined || name === before.name) && (uuid === undefined || uuid === before.uuid);
  return isSame && servers.includes(before.server) && placeOf(before).network === network;
}

function readTicket(text: string): TicketContent {
  try {
    return decodeTicket(text);
  } catch (error) {
    if (error instanceof TicketTextError) throw new Failure(error.message);
    throw error;
  }
}

async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (tried === TRIES || !(error instanceof SwitchyardError) || !isAway(error)) throw error;
    }
  }
}

function isAway({ code }: SwitchyardError): boolean {
  return code === StatusCode.UNAVAILABLE || code === StatusCode.DEADLINE_EXCEEDED;
}
