import type { Command } from '../../core/model/command.js';
import { type Connection, ConnectionRole, ConnectionState, Fallback, PathKind } from '../../core/model/connection.js';
import { LinkType } from '../../core/model/link.js';
import { RULES_MAX, Rules } from '../../core/model/rules.js';
import { CloseReason } from '../../core/model/session.js';
import { StopReason } from '../../core/model/stream.js';
import { IdentityKind, KeyOrigin } from '../../core/model/trust/identity.js';
import type { Row } from '../../core/store/snapshot.js';
import { WireReader } from '../../protowire/reader.js';

const CLOSE_REASONS: ReadonlySet<number> = new Set(Object.values(CloseReason));
const STOP_REASONS: ReadonlySet<number> = new Set(Object.values(StopReason));
const LINK_TYPES: ReadonlySet<number> = new Set(Object.values(LinkType));
const PATH_KINDS: ReadonlySet<number> = new Set(Object.values(PathKind));
const ROLES: ReadonlySet<number> = new Set(Object.values(ConnectionRole));
const IDENTITY_KINDS: ReadonlySet<number> = new Set(Object.values(IdentityKind));
const KEY_ORIGINS: ReadonlySet<number> = new Set(Object.values(KeyOrigin));
const FALLBACKS: ReadonlySet<number> = new Set(Object.values(Fallback));
const STATES: ReadonlySet<number> = new Set(Object.values(ConnectionState));

const TAG_TYPE_BITS = 3;

/** What to call the command in a record that this build has no message for. */
export function unknownCommand(content: Uint8Array): string {
  const wire = new WireReader(Buffer.from(content.buffer, content.byteOffset, content.length));
  const number = content.length === 0 ? 0 : wire.varint() >>> TAG_TYPE_BITS;
  return number === 0 || !wire.isSound ? 'no command' : `command ${number}`;
}

/**
 * The number in a command that stands for something which this build does not know, with its field: undefined when there is
 * none. The decoders take any number, and the core would go on with one that it has no case for.
 */
export function unknownNumber(command: Command, rulesMax: number = RULES_MAX): string | undefined {
  switch (command.kind) {
    case 'CloseSession':
      return look('CloseSession.reason', command.reason, CLOSE_REASONS);
    case 'StopStream':
      return look('StopStream.reason', command.reason, STOP_REASONS);
    case 'AskConnection':
      return (
        look('AskConnection.link', command.link, LINK_TYPES) ??
        look('AskConnection.fallback', command.fallback ?? Fallback.LATE, FALLBACKS)
      );
    case 'ReportLink':
      return (
        look('ReportLink.link', command.link, LINK_TYPES) ??
        look('BrokeredLink.path', command.brokered?.path ?? PathKind.UNSPECIFIED, PATH_KINDS)
      );
    case 'UpdateIdentity':
      return look('UpdateIdentity.kind', command.identityKind ?? IdentityKind.INSTANCE, IDENTITY_KINDS);
    case 'IssueTicket':
      return look('IssueTicket.kind', command.identityKind, IDENTITY_KINDS);
    case 'UseRules':
      return lookUpRules('UseRules.rules', command.rules, rulesMax);
    case 'AdmitIdentity':
      return (
        look('AdmitIdentity.kind', command.identityKind, IDENTITY_KINDS) ??
        look('AdmitIdentity.origin', command.origin, KEY_ORIGINS)
      );
    case 'FoundNetwork':
    case 'OpenSession':
    case 'RequestTermination':
    case 'AnswerOrder':
    case 'AnswerGather':
    case 'AnswerAttempt':
    case 'ExpireOrder':
    case 'ExpireConnection':
    case 'CreateStream':
    case 'UpdateStreamParams':
    case 'TerminateStream':
    case 'SetLimits':
    case 'AddServer':
    case 'LoseServer':
    case 'MoveSession':
    case 'RenewEpoch':
    case 'BindKey':
    case 'RotateKey':
    case 'ForgetKey':
    case 'RevokeIdentity':
    case 'PutPolicy':
    case 'RevokeTicket':
    case 'Enroll':
    case 'AnchorAudit':
      return undefined;
    default:
      throw new Error(`not looked through for numbers: ${JSON.stringify(command satisfies never)}`);
  }
}

/** The same for a row of a snapshot. Identities and tickets with such a number are not unpacked at all. */
export function unknownNumberOfRow(row: Row): string | undefined {
  switch (row.kind) {
    case 'meta':
      return lookUpRules('NetworkRow.rules', row.rules ?? Rules.FIRST, RULES_MAX);
    case 'link':
      return look('LinkRow.link', row.link, LINK_TYPES);
    case 'report':
      return look('LinkReportRow.link', row.report.link, LINK_TYPES);
    case 'ended':
      return look('EndedSessionRow.reason', row.reason, CLOSE_REASONS);
    case 'order':
      return row.order.body.kind === 'connection' ? look('ConnectionBody.role', row.order.body.role, ROLES) : undefined;
    case 'connection':
      return unknownNumberOfConnection(row.connection);
    case 'limits':
    case 'server':
    case 'session':
    case 'stream':
    case 'settled':
    case 'request':
    case 'policy':
    case 'identity':
    case 'ticket':
    case 'anchors':
      return undefined;
    default:
      throw new Error(`not looked through for numbers: ${JSON.stringify(row satisfies never)}`);
  }
}

function unknownNumberOfConnection({ link, state, path, caller, peer, fallback }: Connection): string | undefined {
  return (
    look('ConnectionRow.link', link, LINK_TYPES) ??
    look('ConnectionRow.state', state, STATES) ??
    look('ConnectionRow.path', path, PATH_KINDS) ??
    look('ConnectionRow.fallback', fallback ?? Fallback.LATE, FALLBACKS) ??
    look('ConnectionEnd.reported', caller.reported, PATH_KINDS) ??
    look('ConnectionEnd.reported', peer.reported, PATH_KINDS)
  );
}

function lookUpRules(field: string, rules: number, rulesMax: number): string | undefined {
  return rules >= Rules.FIRST && rules <= rulesMax ? undefined : `the value ${rules} of ${field}`;
}

function look(field: string, value: number, known: ReadonlySet<number>): string | undefined {
  return known.has(value) ? undefined : `the value ${value} of ${field}`;
}
