import type { Command } from '../../../src/core/model/command.js';
import { CloseReason, identityOf } from '../../../src/core/model/session.js';
import { isEndpoint, StopReason } from '../../../src/core/model/stream.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { ROLE_PERMISSIONS } from '../../../src/core/model/trust/permission.js';
import type { State } from '../../../src/core/store/state.js';

/** Who makes a call: not as whom it says that it is, but whose keys it has. */
export interface Actor {
  readonly network: string;
  /** Empty: the administrator's token. */
  readonly uuid: string;
  /** SHA-256 of its keys, as 32 latin1 characters. */
  readonly keyIds: ReadonlySet<string>;
  readonly role: Role | 'administrator';
}

/** Why a command must not have come of what somebody did; undefined where it may. */
type Trespass = string | undefined;

/**
 * Whether commands are their makers' to make: one that is about an instance comes of that instance, of its administrators, or, where the
 * role says so, of operators. Time brings others, which are not asked for.
 */
export class Rights {
  /** Sessions that were asked to end: they end when they do not answer. */
  readonly #asked = new Set<number>();

  /** Says what is wrong with a command that is about to be applied, and came while this actor made a call; undefined: while none did. */
  judge(command: Command, state: State, actor: Actor | undefined): Trespass {
    if (command.kind === 'RequestTermination') this.#asked.add(command.sid);
    if (isOfTime(command, this.#asked)) return undefined;
    if (actor === undefined) return 'it came while no member of its network called';
    const wrong = judgeBy(command, actor);
    if (wrong !== undefined || actor.role === 'administrator' || actor.role === 'admin') return wrong;
    return judgeAsked(command, state, actor);
  }
}

/** What the server does on its own when it starts, or because time has passed. */
function isOfTime(command: Command, asked: ReadonlySet<number>): boolean {
  switch (command.kind) {
    case 'FoundNetwork':
    case 'SetLimits':
    case 'AddServer':
    case 'LoseServer':
    case 'MoveSession':
    case 'RenewEpoch':
    case 'UseRules':
    case 'AnchorAudit':
    case 'ExpireOrder':
    case 'ExpireConnection':
      return true;
    case 'CloseSession':
      return command.reason === CloseReason.EXPIRED || asked.has(command.sid);
    case 'StopStream':
      return command.reason !== StopReason.STOPPED;
    default:
      return false;
  }
}

/** What the command itself says of who asked for it. */
function judgeBy({ by }: Command, { uuid, role }: Actor): Trespass {
  const name = role === 'administrator' ? 'administrator' : `identity ${uuid}`;
  return by === undefined || by === name ? undefined : `it is stored as asked for by ${by}`;
}

/** Of those who are no administrators. */
function judgeAsked(command: Command, state: State, actor: Actor): Trespass {
  switch (command.kind) {
    case 'OpenSession':
      return judgeOpening(command, state, actor);
    case 'CloseSession':
    case 'AnswerOrder':
    case 'AnswerGather':
    case 'AnswerAttempt':
    case 'ReportLink':
    case 'AskConnection':
    case 'CreateStream':
      return judgeOwner(command.sid, state, actor);
    case 'UpdateStreamParams':
    case 'TerminateStream':
      return judgeOwner(command.sid, state, actor) ?? judgeOwner(state.streams.get(command.id)?.owner, state, actor);
    case 'StopStream':
      return command.sid === 0 ? judgeRole('stream.stop', actor) : judgeStop(command, state, actor);
    case 'RequestTermination':
      return judgeRole('session.terminate', actor);
    case 'IssueTicket':
    case 'RevokeTicket':
      return judgeRole('ticket.issue', actor);
    case 'RotateKey':
      return judgeIdentity(command.uuid, actor) ?? judgeKey(command.keyId, actor) ?? judgeKey(command.oldKeyId, actor);
    case 'Enroll':
      return judgeKey(command.keyId, actor);
    default:
      return 'only administrators may do that';
  }
}

function judgeOpening(
  { uuid, proven }: Extract<Command, { kind: 'OpenSession' }>,
  state: State,
  actor: Actor,
): Trespass {
  if (proven === undefined) return 'nothing was proved';
  const wrong = judgeIdentity(proven.identity, actor) ?? judgeKey(proven.keyId, actor);
  if (wrong !== undefined || uuid === proven.identity) return wrong;
  if (state.identities.get(uuid) !== undefined) return `${uuid} is another identity's`;
  const standing = state.sessions.ofInstance(uuid);
  return standing === undefined ? undefined : judgeIdentity(identityOf(standing), actor);
}

function judgeStop({ sid, id }: { readonly sid: number; readonly id: number }, state: State, actor: Actor): Trespass {
  const stream = state.streams.get(id);
  if (stream !== undefined && !isEndpoint(stream, sid)) return `session ${sid} is at no end of stream ${id}`;
  return judgeOwner(sid, state, actor);
}

/** Of a session or stream that is over when the command is applied, nothing is said: it comes to nothing. */
function judgeOwner(sid: number | undefined, state: State, actor: Actor): Trespass {
  const session = sid === undefined ? undefined : state.sessions.get(sid);
  return session && judgeIdentity(identityOf(session), actor);
}

function judgeIdentity(uuid: string, actor: Actor): Trespass {
  return uuid === actor.uuid ? undefined : `it is for ${uuid}`;
}

function judgeKey(keyId: string, { keyIds }: Actor): Trespass {
  return keyIds.has(keyId) ? undefined : `it names the key ${Buffer.from(keyId, 'latin1').toString('hex')} of another`;
}

function judgeRole(permission: 'stream.stop' | 'session.terminate' | 'ticket.issue', { role }: Actor): Trespass {
  const permissions: readonly string[] = role === 'administrator' ? [permission] : ROLE_PERMISSIONS[role];
  return permissions.includes(permission) ? undefined : `the role ${role} has no ${permission}`;
}
