import type { Clock, Random } from '../base/clock.js';
import { version } from '../base/version.js';
import { ownTracer } from '../tracing/own-api.js';
import type { Tracer } from '../tracing/tracer.js';
import { AccessCredentials } from './channel/access-credentials.js';
import type { Caller } from './channel/caller.js';
import { Calls } from './channel/calls.js';
import type { Channel } from './channel/channel.js';
import { ChannelPool } from './channel/channel-pool.js';
import { FirstChannel } from './channel/first-channel.js';
import { GrpcChannel, knownPinsOf, type TlsOptions } from './channel/grpc-channel.js';
import { NetworkChannel } from './channel/network-channel.js';
import { RoamingChannel, type RoamingDeps } from './channel/roaming-channel.js';
import { ServerList } from './channel/server-list.js';
import { SwitchyardError } from './error.js';
import { Instance } from './instance/instance.js';
import type { InstanceOptions } from './instance/instance-options.js';
import { Scope } from './instance/scope.js';
import { LocalAddresses } from './local-addresses.js';
import { StatusCode } from './status.js';
import { systemClock, systemRandom } from './system.js';
import { checkServerKnows, isAway } from './trust/admin-proof.js';
import { type BearerSource, BearerToken } from './trust/bearer-token.js';
import { Identities } from './trust/identities.js';
import { askAtFirst, askForPins, type PinChannel } from './trust/pin-questions.js';

/** Which server, and how. */
export interface SwitchyardOptions {
  /**
   * HOST:PORT, or any other target of gRPC's naming. Several: servers of one network, of which any one is used until it fails; servers
   * tell of further ones. Default: 127.0.0.1:8768. Not read when there is a `channel`.
   */
  readonly server?: string | readonly string[] | undefined;
  /** The network of the server to be in. Default: `default`. */
  readonly network?: string | undefined;
  /** True: encrypted, with the system's list of authorities. Default: in plain text. */
  readonly tls?: TlsOptions | true | undefined;
  /** The server's administrator token: the calls of this object, but not of its instances, are an administrator's. */
  readonly adminToken?: string | undefined;
  /** An access token, as `identities.login` gives it: the calls of this object, but not of its instances, are its principal's. */
  readonly accessToken?: string | undefined;
  /**
   * Asked for another access token when that one is good no more: its hour is over, or the server has restarted. Calls and watches go
   * on with it; undefined lets them fail.
   */
  readonly renewAccessToken?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  /**
   * A token of an OpenID Connect issuer that the network's policy names, or what gets one: all calls, those of instances too, are its
   * subject's. A function is asked before the token before ends, by its `exp`, and when the server takes that no more; so a session goes on.
   */
  readonly bearerToken?: BearerSource | undefined;
  /**
   * True: the administrator's token is sent only after the server has proved, on the same connection, that it knows it, and in plain
   * text only to a loopback address. Calls of another server reject with an UnprovenServerError, and when the connection
   * has ended there is no other one. Of several servers the first that is there is used. For a token of which it is not known whose it is. A `channel` of one's own has to keep to
   * one connection by itself.
   */
  readonly requireAdminProof?: boolean | undefined;
  /** Closes at once, without goodbyes. */
  readonly signal?: AbortSignal | undefined;
  /** Another way to the server than grpc-js: a simulation's. It is closed with this object. */
  readonly channel?: Channel | undefined;
  /** Where spans go, instead of to this program's own OpenTelemetry. */
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * A server, as an observer or an administrator sees it, and the place where instances come from.
 *
 * One object is one connection to each server that it uses; as many instances and watches as needed share it. The process stays alive while an
 * instance or a watch is open, as it does for an open socket. Close the object to let go of all of them.
 */
export class Switchyard extends Calls {
  protected readonly caller: Caller;
  protected readonly reader: Caller;
  /** Who instances are, and the keys by which they prove it. */
  readonly identities: Identities;
  /** Whose instances are: the subject of the issuer's token, or nobody. */
  readonly #subject: Caller;
  readonly #life: Scope;
  readonly #instances = new Set<Instance>();
  readonly #channelOfInstance: () => { readonly channel: Channel; release(): void };

  constructor(options: SwitchyardOptions = {}) {
    super();
    const { adminToken, accessToken, requireAdminProof: isSingle = false } = options;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    const addresses = new LocalAddresses(clock);
    const ask = (channel: Channel) => askAtFirst(anybody, channel);
    const ways = waysTo(options, { clock, random, isSingle, addresses, ask });
    const channel = ways.own;
    this.#channelOfInstance = ways.ofInstance;
    this.#life = new Scope(options.signal);
    this.#life.signal.addEventListener('abort', () => channel.close(), { once: true });
    if (this.#life.signal.aborted) channel.close();
    const bearer =
      options.bearerToken === undefined ? undefined : new BearerToken(options.bearerToken, clock, this.#life.signal);
    const anybody: Caller = {
      channel,
      ...{ clock, random, addresses },
      life: this.#life.signal,
      tracer: () => options.tracer ?? ownTracer(version),
      credentials: async () => ({}),
      failed: () => false,
    };
    if (ways.pins !== undefined && !this.#life.signal.aborted) askForPins(anybody, ways.asked);
    const isChecked = adminToken !== undefined && isSingle;
    const asAdministrator = adminCredentials(
      adminToken,
      isChecked ? () => checkFirst(() => checkServerKnows(adminToken, anybody), ways.leave) : undefined,
    );
    const access = new AccessCredentials(accessToken, options.renewAccessToken, this.#life.signal);
    this.#subject = {
      ...anybody,
      credentials: async (signal) => (await bearer?.metadata(signal)) ?? {},
      show: bearer && ((signal) => bearer.renew(signal)),
      renewsInMs: bearer && (() => bearer.renewsInMs()),
    };
    this.caller = {
      ...this.#subject,
      credentials: async (signal) => ({
        ...(await this.#subject.credentials(signal)),
        ...(await asAdministrator(signal)),
        ...access.metadata(),
      }),
      show: async (signal, reason, sent) => {
        if (await this.#subject.show?.(signal, reason, sent)) return true;
        return reason === 'AUTH_REQUIRED' && access.renew(sent, signal);
      },
    };
    this.reader = this.caller;
    this.identities = new Identities(this.caller);
  }

  /** Joins the network as an instance, which then stays on it by itself. */
  join(options: InstanceOptions): Instance {
    const { channel, release } = this.#channelOfInstance();
    const instance = new Instance({ ...this.#subject, channel }, options);
    this.#instances.add(instance);
    void instance.ended.then(() => {
      release();
      this.#instances.delete(instance);
    });
    return instance;
  }

  /** Lets every instance say goodbye, then ends every call and watch. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#instances].map((instance) => instance.leave()));
    this.#life.abort(new SwitchyardError(StatusCode.CANCELLED, 'the client is closed'));
  }
}

interface WaysDeps extends Pick<RoamingDeps, 'clock' | 'random'> {
  readonly isSingle: boolean;
  readonly addresses: LocalAddresses;
  /** Asks a server for its pins; false: it was away, and may be asked again now. */
  readonly ask: (channel: Channel) => Promise<boolean>;
}

/** How the object itself reaches a server, and how each of its instances does: these may be at different servers. */
function waysTo(
  { channel: given, server = '127.0.0.1:8768', tls, network }: SwitchyardOptions,
  { clock, random, isSingle, addresses, ask }: WaysDeps,
) {
  const servers = typeof server === 'string' ? [server] : server;
  if (given === undefined && servers.length === 0) throw new TypeError('server: at least one address is needed');
  const inNetwork = (way: Channel) => (network === undefined ? way : new NetworkChannel(way, network));
  const single = given === undefined && isSingle;
  const pins = given === undefined ? knownPinsOf(tls) : undefined;
  const pinned = { pins, ask: (channel: Channel) => ask(inNetwork(channel)) };
  const first = single
    ? new FirstChannel(servers, (address) => new GrpcChannel(address, tls, { isSingle, ...pinned }))
    : undefined;
  const only = given ?? first;
  const own = only && inNetwork(only);
  if (own !== undefined) {
    const asked = (): PinChannel[] => [{ channel: own, inNetwork: (channel) => channel }];
    const ofInstance = () => ({ channel: own, release: () => {} });
    return { own, pins, asked, leave: () => first?.leave() ?? false, ofInstance };
  }
  const pool = new ChannelPool((address) => new GrpcChannel(address, tls, { addresses, ...pinned }));
  const deps = { pool, servers: new ServerList(servers), clock, random };
  return {
    own: inNetwork(new RoamingChannel({ ...deps, isEager: true })),
    pins,
    asked: () => pool.channels.map((channel): PinChannel => ({ channel, inNetwork })),
    leave: () => false,
    ofInstance: () => {
      const channel = new RoamingChannel(deps);
      return { channel: inNetwork(channel), release: () => channel.release() };
    },
  };
}

/** Checks a server, and where it is away the next one: each over the one connection that the calls after the check go over. */
async function checkFirst(check: () => Promise<void>, leave: () => boolean): Promise<void> {
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (!isAway(error) || !leave()) throw error;
    }
  }
}

/** The metadata of an administrator's calls, after the check has passed once. */
function adminCredentials(
  token: string | undefined,
  check: () => Promise<void> = async () => {},
): Caller['credentials'] {
  let checked: Promise<void> | undefined;
  if (token === undefined) return async () => ({});
  return async () => {
    checked ??= check();
    try {
      await checked;
    } catch (error) {
      checked = undefined;
      throw error;
    }
    return { 'switchyard-admin': token };
  };
}
