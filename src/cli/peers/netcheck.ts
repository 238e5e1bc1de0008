import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../../base/address.js';
import { ValueError } from '../../base/value-error.js';
import { lookTcp, lookUdp, type Mapping, type NatView } from '../../client/direct/nat.js';
import { type ConnectionFlags, serverAddress, withServer } from '../connection.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

/** Options of `netcheck`. */
export interface NetcheckFlags extends ConnectionFlags {
  /** More STUN ports, so that their answers can be compared. */
  readonly stun?: readonly string[];
  readonly json?: boolean;
}

/** Width of the names before what was found. */
const NAME_CELLS = 13;
/** STUN ports that are asked at most: two tell apart what can be told apart. */
const STUN_MAX = 8;

/**
 * What NAT this machine is behind, by how STUN ports see it, and whether its connections would be relayed. The rendezvous port
 * of the server is one of them; mappings can be compared only with a second one.
 */
export async function checkNetwork(flags: NetcheckFlags, surroundings: Surroundings): Promise<void> {
  const { clock, terminal, signal } = surroundings;
  const { out } = terminal;
  const more = (flags.stun ?? []).map((text) => stunPort(text));
  if (more.length >= STUN_MAX) throw new UsageError(`--stun: ${STUN_MAX - 1} at most`);
  const places = await resolved([await rendezvousOf(flags, surroundings), ...more]);
  const views = [await lookUdp(places, clock, signal), await lookTcp(places, clock, signal)];
  signal.throwIfAborted();
  const verdict = judge(views);
  if (flags.json) return out.json({ asked: places.map(formatAddress), views, ...verdict });
  const lines = views.flatMap((view) => [line(view.transport, MAPPINGS[view.mapping]), ...view.seen.map(seenLine)]);
  await out.writeLines([...lines, line('filtering', FILTERING), line('so', verdict.why)]);
}

/** Where the server's rendezvous is, as a client reaches it. */
async function rendezvousOf(flags: NetcheckFlags, surroundings: Surroundings): Promise<Address> {
  const { signal } = surroundings;
  const { addresses } = await withServer(flags, surroundings, (yard) => yard.getServer({ signal }));
  const stun = addresses.find(({ codeName }) => codeName === 'stun');
  if (stun === undefined) throw new Failure('the server has no rendezvous port');
  const { host, port } = parseAddress(stun.address);
  const isAny = host === '0.0.0.0' || host === '::';
  return { host: isAny ? parseAddress(serverAddress(flags, surroundings)).host : host, port };
}

function stunPort(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--stun: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}

/** The places as addresses of one family, that of the first: sockets of two families have two mappings. */
async function resolved(places: readonly Address[]): Promise<Address[]> {
  const found: Address[] = [];
  for (const { host, port } of places) {
    const family = found[0] === undefined ? 0 : isIP(found[0].host);
    const answer = await lookup(host, { family }).catch(() => undefined);
    if (answer === undefined) throw new Failure(`${host} has no address${family === 0 ? '' : ` of IPv${family}`}`);
    found.push({ host: answer.address, port });
  }
  return found;
}

const MAPPINGS: Readonly<Record<Mapping, string>> = {
  blocked: 'nothing comes back: a firewall drops it, or the server cannot be reached so',
  local: 'the server is on this machine: no router was asked',
  none: 'no NAT: it is seen at its own address',
  unknown: 'behind a NAT; whether others see the same address is not known: name a second STUN port with --stun',
  same: 'behind a NAT that shows everybody the same address: it can be reached by punching',
  varies: 'behind a NAT that shows each destination another address (symmetric): others cannot be told where to dial',
};

const FILTERING = 'not tested: it would take a STUN server with two addresses; punching works through all kinds';

/** Whether connections would be relayed, and why. */
export function judge(views: readonly NatView[]): { readonly relayed: 'no' | 'perhaps' | 'yes'; readonly why: string } {
  const by = (...mappings: Mapping[]) => views.filter(({ mapping }) => mappings.includes(mapping));
  const names = (found: readonly NatView[]) => found.map(({ transport }) => transport.toUpperCase()).join(' and ');
  const open = by('none', 'same');
  if (open.length > 0) {
    const why = `direct connections over ${names(open)} are possible, unless both a peer's NAT varies and it lets no strangers in`;
    return { relayed: 'no', why };
  }
  if (by('local').length > 0)
    return { relayed: 'no', why: 'run this on another machine than the server to learn more' };
  if (by('unknown').length > 0) {
    return { relayed: 'perhaps', why: 'direct unless the NAT varies; switchyard ping WHO tries it' };
  }
  if (by('varies').length > 0) {
    const why =
      'relayed, except to peers without NAT or with one that lets strangers in; forward a port and give it to --listen';
    return { relayed: 'yes', why };
  }
  return { relayed: 'yes', why: 'relayed: neither UDP nor TCP reaches the rendezvous port' };
}

function line(name: string, text: string): string {
  return `${name.padEnd(NAME_CELLS)}${text}`;
}

function seenLine({ by, at, roundTripMs }: NatView['seen'][number]): string {
  return line('', `${formatAddress(by)} sees ${formatAddress(at)} (${roundTripMs.toFixed(1)} ms)`);
}
