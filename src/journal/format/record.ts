import {
  Command as CommandMessage,
  type ReportLink as ReportLinkMessage,
} from '../../../gen/switchyard/journal/v1/command.js';
import type { Command } from '../../core/model/command.js';
import type { PathKind } from '../../core/model/connection.js';
import { REASON_OF_CODE, REASONS } from '../../core/model/fault.js';
import type { LinkType } from '../../core/model/link.js';
import { RULES_MAX } from '../../core/model/rules.js';
import type { CloseReason } from '../../core/model/session.js';
import type { StopReason } from '../../core/model/stream.js';
import { JournalError, type StoredRecord } from '../journal.js';
import { packAnchorAudit, unpackAnchorAudit } from './audit-anchor.js';
import { formatOfCommand } from './command-format.js';
import {
  packDrawn,
  packGathered,
  packTried,
  unpackDrawn,
  unpackFallback,
  unpackGathered,
  unpackTried,
} from './connection.js';
import { packLimits, unpackLimits } from './core-limits.js';
import { readCommand } from './decode-fast.js';
import { packHidden, packLabels, packParams, unpackHidden, unpackLabels, unpackParams, wholeParams } from './fields.js';
import { FrameKind, seal, unknownPart, unseal } from './frame.js';
import {
  packAdmit,
  packBindKey,
  packProven,
  packRotateKey,
  packUpdate,
  unpackAdmit,
  unpackBindKey,
  unpackProven,
  unpackRotateKey,
  unpackUpdate,
} from './identity.js';
import { unknownCommand, unknownNumber } from './known-numbers.js';
import { packPutPolicy, unpackPutPolicy } from './policy.js';
import { packEnroll, packIssue, unpackEnroll, unpackIssue } from './ticket.js';

/*
 * A record:
 *
 *    0               4         5        6
 *   +---------------+---------+--------+----------------------------------------+
 *   |     crc32     | version | kind 1 |  switchyard.journal.v1.Command (proto) |
 *   +---------------+---------+--------+----------------------------------------+
 *
 * frame.ts has the head and what the checksum is over: besides all this, the revision that the record stands at.
 *
 * What comes a thousand times a second is built field by field: a spread takes as long as all the encoding.
 *
 * A new command is a message and a line of `kind` in command.proto, a case of `pack` and one of `unpack`, its format in
 * command-format.ts, and a line in the table of test/journal/arbitrary.ts; the compiler asks for the last four. command.proto says
 * when the format rises.
 */

type Packed = NonNullable<CommandMessage['kind']>;

/**
 * A command as it is stored at a revision.
 *
 * What comes back from {@link decodeRecord} equals it; a value that could not be stored exactly (a fraction of a
 * millisecond, say) throws, because the state after a restart would be another one.
 */
export function encodeRecord(revision: number, command: Command): StoredRecord {
  const { storedAtMs, by } = command;
  const atMs = storedAtMs === undefined ? undefined : BigInt(storedAtMs);
  const message = CommandMessage.encode({ kind: pack(command), atMs, by }).finish();
  const bytes = seal(FrameKind.RECORD, { revision, part: 0 }, message, formatOfCommand(command));
  return command.kind === 'UseRules' ? { revision, bytes, rules: command.rules } : { revision, bytes };
}

/**
 * The command of a stored record. Throws a {@link JournalError}, `damaged` or `version`, with the revision.
 *
 * What this build does not know is never passed over, be it a command, a reason or a single field: the state would be another
 * than that of the build that wrote it. `rulesMax` are the newest rules that are known.
 */
export function decodeRecord({ revision, bytes }: StoredRecord, rulesMax: number = RULES_MAX): Command {
  const what = `record ${revision}`;
  const content = unseal(FrameKind.RECORD, { revision, part: 0 }, bytes, what);
  const command = readCommand(content) ?? decodeWhole(content, what, revision);
  const unknown = unknownNumber(command, rulesMax);
  if (unknown !== undefined) throw unknownPart(what, unknown, revision);
  return command;
}

/** The same by the generated decoder, which knows every command. */
function decodeWhole(content: Uint8Array, what: string, revision: number): Command {
  let message: CommandMessage;
  try {
    message = CommandMessage.decode(content);
  } catch (cause) {
    throw new JournalError('damaged', `${what} is damaged: it is not a command`, { revision, cause });
  }
  const { kind } = message;
  if (kind === undefined) throw unknownPart(what, unknownCommand(content), revision);
  // The generated decoder skips a field that it does not know, so that the rest is shorter.
  if (CommandMessage.encode(message).finish().length !== content.length) {
    throw unknownPart(what, `a field of ${kind.$case}`, revision);
  }
  if (kind.$case === 'answerOrder' && kind.value.code !== 0 && !REASON_OF_CODE.has(kind.value.code)) {
    throw unknownPart(what, `the value ${kind.value.code} of AnswerOrder.code`, revision);
  }
  const command = unpack(kind);
  const stamped = message.atMs === undefined ? command : { ...command, storedAtMs: Number(message.atMs) };
  return message.by === undefined ? stamped : { ...stamped, by: message.by };
}

function pack(command: Command): Packed {
  switch (command.kind) {
    case 'FoundNetwork':
      return { $case: 'foundNetwork', value: { ...command, atMs: BigInt(command.atMs) } };
    case 'OpenSession': {
      const { uuid, type, flavor, ttlMs, name } = command;
      const labels = packLabels(command.labels);
      const tokenHash = packHidden(command.tokenHash);
      const atMs = BigInt(command.atMs);
      return {
        $case: 'openSession',
        value: {
          ...{ uuid, type, flavor, ttlMs, name, labels, tokenHash, atMs, server: command.server ?? 0 },
          ...packProven(command.proven),
        },
      };
    }
    case 'CloseSession':
      return { $case: 'closeSession', value: { sid: command.sid, reason: command.reason, home: command.home ?? 0 } };
    case 'RequestTermination':
      return { $case: 'requestTermination', value: command };
    case 'AnswerOrder': {
      const code = command.code === undefined ? 0 : REASONS[command.code];
      return { $case: 'answerOrder', value: { ...command, code, data: Buffer.from(command.data) } };
    }
    case 'ReportLink': {
      const { brokered, ...link } = command;
      const connection = BigInt(brokered?.connection ?? 0);
      return { $case: 'reportLink', value: { ...link, brokered: brokered && { ...brokered, connection } } };
    }
    case 'AskConnection':
      return {
        $case: 'askConnection',
        value: {
          ...command,
          gathered: packGathered(command),
          drawn: packDrawn(command),
          relayed: BigInt(command.relayed),
          fallback: command.fallback ?? 0,
          requestId: command.requestId ?? '',
        },
      };
    case 'AnswerGather':
      return {
        $case: 'answerGather',
        value: { ...command, gathered: packGathered(command), drawn: packDrawn(command) },
      };
    case 'AnswerAttempt':
      return { $case: 'answerAttempt', value: { ...command, tried: packTried(command), drawn: packDrawn(command) } };
    case 'ExpireOrder':
      return { $case: 'expireOrder', value: command };
    case 'ExpireConnection':
      return { $case: 'expireConnection', value: { id: BigInt(command.id) } };
    case 'CreateStream':
      return {
        $case: 'createStream',
        value: {
          ...command,
          sinks: [...command.sinks],
          params: packParams(command.params),
          requestId: command.requestId ?? '',
        },
      };
    case 'UpdateStreamParams':
      return { $case: 'updateStreamParams', value: { ...command, params: packParams(command.params) } };
    case 'TerminateStream':
      return { $case: 'terminateStream', value: command };
    case 'StopStream':
      return { $case: 'stopStream', value: command };
    case 'SetLimits':
      return { $case: 'setLimits', value: { limits: packLimits(command.limits) } };
    case 'AddServer':
      return { $case: 'addServer', value: command };
    case 'LoseServer':
      return { $case: 'loseServer', value: command };
    case 'MoveSession':
      return { $case: 'moveSession', value: command };
    case 'RenewEpoch':
      return { $case: 'renewEpoch', value: command };
    case 'UseRules':
      return { $case: 'useRules', value: command };
    case 'BindKey':
      return { $case: 'bindKey', value: packBindKey(command) };
    case 'RotateKey':
      return { $case: 'rotateKey', value: packRotateKey(command) };
    case 'ForgetKey':
      return { $case: 'forgetKey', value: command };
    case 'UpdateIdentity':
      return { $case: 'updateIdentity', value: packUpdate(command) };
    case 'RevokeIdentity':
      return { $case: 'revokeIdentity', value: command };
    case 'PutPolicy':
      return { $case: 'putPolicy', value: packPutPolicy(command) };
    case 'IssueTicket':
      return { $case: 'issueTicket', value: packIssue(command) };
    case 'RevokeTicket':
      return { $case: 'revokeTicket', value: command };
    case 'Enroll':
      return { $case: 'enroll', value: packEnroll(command) };
    case 'AdmitIdentity':
      return { $case: 'admitIdentity', value: packAdmit(command) };
    case 'AnchorAudit':
      return { $case: 'anchorAudit', value: packAnchorAudit(command) };
  }
}

function unpack(packed: Packed): Command {
  switch (packed.$case) {
    case 'foundNetwork':
      return { kind: 'FoundNetwork', ...packed.value, atMs: Number(packed.value.atMs) };
    case 'openSession': {
      const { uuid, type, flavor, ttlMs, name, server } = packed.value;
      const labels = unpackLabels(packed.value.labels);
      const tokenHash = unpackHidden(packed.value.tokenHash);
      const atMs = Number(packed.value.atMs);
      const proven = unpackProven(packed.value);
      const plain = { kind: 'OpenSession', uuid, type, flavor, ttlMs, name, labels, tokenHash, atMs } as const;
      const placed = server === 0 ? plain : { ...plain, server };
      return proven === undefined ? placed : { ...placed, proven };
    }
    case 'closeSession': {
      const { sid, home } = packed.value;
      const close = { kind: 'CloseSession', sid, reason: packed.value.reason as CloseReason } as const;
      return home === 0 ? close : { ...close, home };
    }
    case 'requestTermination':
      return { kind: 'RequestTermination', ...packed.value };
    case 'answerOrder':
      return { kind: 'AnswerOrder', ...packed.value, code: REASON_OF_CODE.get(packed.value.code) };
    case 'reportLink':
      return unpackReport(packed.value);
    case 'askConnection': {
      const { gathered, drawn, link, relayed, requestId, fallback, ...plain } = packed.value;
      const chosen = { ...unpackRequestId(requestId), ...unpackFallback(fallback) };
      const brought = { ...unpackGathered(gathered), ...unpackDrawn(drawn), ...chosen };
      return { kind: 'AskConnection', ...plain, link: link as LinkType, relayed: Number(relayed), ...brought };
    }
    case 'answerGather': {
      const { gathered, drawn, ...plain } = packed.value;
      return { kind: 'AnswerGather', ...plain, ...unpackGathered(gathered), ...unpackDrawn(drawn) };
    }
    case 'answerAttempt': {
      const { tried, drawn, ...plain } = packed.value;
      return { kind: 'AnswerAttempt', ...plain, ...unpackTried(tried), ...unpackDrawn(drawn) };
    }
    case 'expireOrder':
      return { kind: 'ExpireOrder', ...packed.value };
    case 'expireConnection':
      return { kind: 'ExpireConnection', id: Number(packed.value.id) };
    case 'createStream': {
      const { requestId, params, ...plain } = packed.value;
      return { kind: 'CreateStream', ...plain, params: wholeParams(params), ...unpackRequestId(requestId) };
    }
    case 'updateStreamParams':
      return { kind: 'UpdateStreamParams', ...packed.value, params: unpackParams(packed.value.params) };
    case 'terminateStream':
      return { kind: 'TerminateStream', ...packed.value };
    case 'stopStream':
      return { kind: 'StopStream', ...packed.value, reason: packed.value.reason as StopReason };
    case 'setLimits':
      return { kind: 'SetLimits', limits: unpackLimits(packed.value.limits) };
    case 'addServer':
      return { kind: 'AddServer', ...packed.value };
    case 'loseServer':
      return { kind: 'LoseServer', ...packed.value };
    case 'moveSession':
      return { kind: 'MoveSession', ...packed.value };
    case 'renewEpoch':
      return { kind: 'RenewEpoch', ...packed.value };
    case 'useRules':
      return { kind: 'UseRules', ...packed.value };
    case 'bindKey':
      return unpackBindKey(packed.value);
    case 'rotateKey':
      return unpackRotateKey(packed.value);
    case 'forgetKey':
      return { kind: 'ForgetKey', ...packed.value };
    case 'updateIdentity':
      return unpackUpdate(packed.value);
    case 'revokeIdentity':
      return { kind: 'RevokeIdentity', ...packed.value };
    case 'putPolicy':
      return unpackPutPolicy(packed.value);
    case 'issueTicket':
      return unpackIssue(packed.value);
    case 'revokeTicket':
      return { kind: 'RevokeTicket', ...packed.value };
    case 'enroll':
      return unpackEnroll(packed.value);
    case 'admitIdentity':
      return unpackAdmit(packed.value);
    case 'anchorAudit':
      return unpackAnchorAudit(packed.value);
  }
}

/** A command without an id has no field for it. */
function unpackRequestId(requestId: string): { readonly requestId?: string } {
  return requestId === '' ? {} : { requestId };
}

function unpackReport({ sid, peer, link, established, brokered }: ReportLinkMessage): Command {
  const report = { kind: 'ReportLink', sid, peer, link: link as LinkType, established } as const;
  if (brokered === undefined) return report;
  const { connection, path } = brokered;
  return { ...report, brokered: { ...brokered, connection: Number(connection), path: path as PathKind } };
}
