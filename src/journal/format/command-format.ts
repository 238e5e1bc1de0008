import type { Command } from '../../core/model/command.js';
import { Format } from './frame.js';

/** The lowest format that can say a command. */
export function formatOfCommand(command: Command): number {
  switch (command.kind) {
    case 'AddServer':
    case 'LoseServer':
    case 'MoveSession':
    case 'RenewEpoch':
    case 'UseRules':
      return Format.EPOCHS;
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
    default:
      if (command.kind === 'CloseSession' && command.home !== undefined) return Format.EPOCHS;
      if (command.kind === 'OpenSession' && command.proven !== undefined) return Format.IDENTITIES;
      if ('endorsement' in command && command.endorsement !== undefined) return Format.IDENTITIES;
      return isOfFormat1(command) ? Format.FIRST : Format.LIMITS;
  }
}

function isOfFormat1(command: Command): boolean {
  if (command.storedAtMs !== undefined || command.by !== undefined || command.kind === 'SetLimits') return false;
  if (command.kind === 'OpenSession' && command.server !== undefined) return false;
  if ('fallback' in command && command.fallback !== undefined) return false;
  return !('requestId' in command) || command.requestId === undefined;
}
