import type { Command } from '../../core/model/command.js';
import { Format } from './frame.js';

/** The lowest format that can say a command, with what stands beside it. */
export function formatOfCommand(command: Command): number {
  const isStamped = command.storedAtMs !== undefined || command.by !== undefined;
  return Math.max(isStamped ? Format.LIMITS : Format.FIRST, formatOfKind(command));
}

/** Without a default, so that the compiler asks for the format of each new command: older builds refuse what they do not know by it. */
function formatOfKind(command: Command): number {
  switch (command.kind) {
    case 'FoundNetwork':
    case 'RequestTermination':
    case 'AnswerOrder':
    case 'ReportLink':
    case 'AnswerAttempt':
    case 'ExpireOrder':
    case 'ExpireConnection':
    case 'UpdateStreamParams':
    case 'TerminateStream':
    case 'StopStream':
      return Format.FIRST;
    case 'OpenSession':
      if (command.proven !== undefined) return Format.IDENTITIES;
      return command.server === undefined ? Format.FIRST : Format.LIMITS;
    case 'CloseSession':
      return command.home === undefined ? Format.FIRST : Format.EPOCHS;
    case 'AnswerGather':
      return command.endorsement === undefined ? Format.FIRST : Format.IDENTITIES;
    case 'AskConnection':
      if (command.endorsement !== undefined) return Format.IDENTITIES;
      return command.requestId === undefined && command.fallback === undefined ? Format.FIRST : Format.LIMITS;
    case 'CreateStream':
      return command.requestId === undefined ? Format.FIRST : Format.LIMITS;
    case 'SetLimits':
      return Format.LIMITS;
    case 'BindKey':
    case 'RotateKey':
    case 'ForgetKey':
    case 'UpdateIdentity':
    case 'RevokeIdentity':
    case 'PutPolicy':
    case 'IssueTicket':
    case 'RevokeTicket':
    case 'Enroll':
    case 'AdmitIdentity':
    case 'AnchorAudit':
      return Format.IDENTITIES;
    case 'AddServer':
    case 'LoseServer':
    case 'MoveSession':
    case 'RenewEpoch':
    case 'UseRules':
      return Format.EPOCHS;
  }
}
