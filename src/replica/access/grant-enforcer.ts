import type { Clock } from '../../base/clock.js';
import type { Change } from '../../core/model/change.js';
import type { Command } from '../../core/model/command.js';
import { type Connection, isOver, PathKind } from '../../core/model/connection.js';
import type { Position } from '../../core/model/position.js';
import { StopReason, type Stream } from '../../core/model/stream.js';
import type { GrantedPermission } from '../../core/model/trust/permission.js';
import type { PortRange } from '../../core/model/trust/policy.js';
import type { State } from '../../core/store/state.js';

/** What is kept of a connection that may reach all ports. */
const ALL = '';
/** Time of one turn of the event loop for this: a policy with 1,000 grants is compared with every stream. */
const TURN_MS = 2;

/** What a grant enforcer needs. */
export interface GrantEnforcerDeps {
  readonly state: State;
  readonly clock: Pick<Clock, 'nowMs' | 'soon'>;
  /** Whether the policy lets one session do this with another. */
  readonly grants: (permission: GrantedPermission, from: number, to: number) => boolean;
  /** Which ports of one session another may reach; undefined: all. */
  readonly portsOf: (from: number, to: number) => readonly PortRange[] | undefined;
  /** Whether this server stores what all servers of the network decide. */
  readonly leads: () => boolean;
  /** Stores a command of the server's own. */
  readonly submit: (command: Command) => Promise<unknown>;
}

/**
 * Ends streams and brokered connections that the policy would not let anybody begin any more, or not for all the ports that it was begun
 * for: after another policy, and after other roles, labels or names of an end. Of a direct connection it ends what the server has of it; its ends are told, and the bytes
 * between them are theirs.
 *
 * What the ends of a connection were told before this process is not always known. Then only the server that leads ends it, because it may
 * reach more than the policy grants: a follower that starts leaves it to the servers that have been there.
 *
 * Sessions are looked at one by one in turns of their own, so that a new policy of a large network stops nobody.
 */
export class GrantEnforcer {
  readonly #deps: GrantEnforcerDeps;
  /** Sessions whose streams and connections are to be looked at. */
  readonly #due = new Set<number>();
  /** Which ports the ends of a connection were told, as JSON, by its id; undefined: it is not known. As many as there are connections. */
  readonly #ports = new Map<number, string | undefined>();
  #isWorking = false;
  #hasLed = false;

  constructor(deps: GrantEnforcerDeps) {
    this.#deps = deps;
  }

  /** Begins with the connections of the snapshot that a journal is replayed from. Call it before the replay. */
  restore(): void {
    for (const connection of this.#deps.state.connections.all()) this.#note(connection, this.#toldBefore(connection));
  }

  /** Told of every command that is replayed: what the ends were told follows from the journal, and so does not end with the process. */
  replayed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'ConnectionPut') this.#note(change.connection, this.#toldBefore(change.connection));
    }
  }

  /** Looks at everything once, after the replay: the server may have stopped between a policy and what follows from it. */
  begin(): void {
    this.#hasLed = this.#deps.leads();
    this.#lookAtAll();
    this.#work();
  }

  /** Told of every command that was applied. */
  publish(_position: Position, changes: readonly Change[]): void {
    const { sessions } = this.#deps.state;
    for (const change of changes) {
      if (change.kind === 'ConnectionPut') this.#note(change.connection, this.#told(change.connection));
      else if (change.kind === 'IdentityPut' || change.kind === 'IdentityForgotten') {
        for (const { sid } of sessions.ofIdentity(change.identity.uuid)) this.#due.add(sid);
      } else if (change.kind === 'PolicyPut') this.#lookAtAll();
    }
    if (!this.#hasLed) this.#lookAsLeader();
    this.#work();
  }

  /** With the first command after this server began to lead: what it does not know is for it to end from now on. */
  #lookAsLeader(): void {
    this.#hasLed = this.#deps.leads();
    if (this.#hasLed) this.#lookAtAll();
  }

  #lookAtAll(): void {
    const { streams, connections } = this.#deps.state;
    for (const { owner } of streams.kept()) this.#due.add(owner);
    for (const connection of connections.all()) if (!isOver(connection)) this.#due.add(connection.caller.sid);
  }

  #work(): void {
    if (this.#isWorking || this.#due.size === 0) return;
    this.#isWorking = true;
    const { clock } = this.#deps;
    clock.soon(() => {
      this.#isWorking = false;
      const untilMs = clock.nowMs() + TURN_MS;
      for (const sid of this.#due) {
        this.#due.delete(sid);
        this.#lookAt(sid);
        if (clock.nowMs() >= untilMs) break;
      }
      this.#work();
    });
  }

  #lookAt(sid: number): void {
    const { state, submit } = this.#deps;
    const own = state.connections.of(sid).filter((one) => !isOver(one));
    for (const connection of own) if (!this.#mayGoOn(connection)) void submit(closing(connection));
    const relayed = new Set(own.flatMap(({ relay }) => [relay?.fromCaller.streamId, relay?.fromPeer.streamId]));
    for (const stream of state.streams.of(sid)) if (!relayed.has(stream.id)) this.#stopBranches(stream);
  }

  /** Keeps what was told when a connection was asked for. */
  #note(connection: Connection, told: string | undefined): void {
    const { id } = connection;
    if (isOver(connection)) this.#ports.delete(id);
    else if (!this.#ports.has(id)) this.#ports.set(id, told);
  }

  /** What the order for a connection tells: of a caller that has proved nothing no ports, and so all. */
  #told(connection: Connection): string {
    const caller = this.#deps.state.sessions.get(connection.caller.sid);
    return caller?.keyId === undefined ? ALL : this.#portsNow(connection);
  }

  /**
   * What it told in a process before this one. Where the policy itself asks for no proofs, that process may have been less strict than this one,
   * and have told of no ports: undefined, it is not known.
   */
  #toldBefore(connection: Connection): string | undefined {
    return this.#deps.state.policy?.policy.auth === 'required' ? this.#told(connection) : undefined;
  }

  #mayGoOn(connection: Connection): boolean {
    const { id, caller, peer } = connection;
    if (!this.#deps.grants('connection.ask', caller.sid, peer.sid)) return false;
    const now = this.#portsNow(connection);
    const told = this.#ports.get(id);
    return now === ALL || (told === undefined ? !this.#deps.leads() : told === now);
  }

  #portsNow({ caller, peer }: Connection): string {
    const ports = this.#deps.portsOf(caller.sid, peer.sid);
    return ports === undefined ? ALL : JSON.stringify(ports);
  }

  #stopBranches({ owner, sinks }: Stream): void {
    const { grants, submit } = this.#deps;
    for (const { sid, id } of sinks) {
      if (grants('stream.create', owner, sid)) continue;
      void submit({ kind: 'StopStream', sid: 0, id, reason: StopReason.STOPPED });
    }
  }
}

/** The caller may not have it any more, so it is closed in the caller's place. */
function closing({ id, caller, peer, link }: Connection): Command {
  const brokered = { connection: id, path: PathKind.UNSPECIFIED, roundTripMs: 0, failed: false };
  return { kind: 'ReportLink', sid: caller.sid, peer: peer.sid, link, established: false, brokered };
}
