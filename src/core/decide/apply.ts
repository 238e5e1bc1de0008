import type { Change } from '../model/change.js';
import type { Command } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { evolve } from '../store/evolve.js';
import type { State } from '../store/state.js';
import { answerAttempt } from './attempt.js';
import { anchorAudit } from './audit-anchor.js';
import { answerGather, askConnection } from './broker.js';
import { bindKey, forgetKey, revokeIdentity, rotateKey, updateIdentity } from './identity.js';
import { reportLink } from './link.js';
import { answerOrder, expireOrder, requestTermination } from './order.js';
import { expireConnection } from './parting.js';
import { putPolicy } from './policy/policy.js';
import { addServer, loseServer, moveSession } from './server.js';
import { closeSession, foundNetwork, openSession, refuseOpening } from './session.js';
import { createStream, stopStream, terminateStream, updateStreamParams } from './stream.js';
import { enroll, issueTicket, revokeTicket } from './ticket.js';
import { admitIdentity } from './vouched.js';

/** What came of a command: the changes of its revision (none, when all was so already). */
export interface Applied {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/**
 * What would come of a command at this moment. Changes nothing, so it also answers a dry run.
 *
 * No changes means that everything is so already: such a command need not be stored.
 */
export function decide(state: State, command: Command): Change[] | Fault {
  const revision = state.revision + 1;
  switch (command.kind) {
    case 'FoundNetwork':
      return foundNetwork(state, command);
    case 'OpenSession':
      return openSession(state, command, revision);
    case 'CloseSession':
      return closeSession(state, command, revision);
    case 'RequestTermination':
      return requestTermination(state, command, revision);
    case 'AnswerOrder':
      return answerOrder(state, command, revision);
    case 'ReportLink':
      return reportLink(state, command, revision);
    case 'AskConnection':
      return askConnection(state, command, revision);
    case 'AnswerGather':
      return answerGather(state, command, revision);
    case 'AnswerAttempt':
      return answerAttempt(state, command, revision);
    case 'ExpireOrder':
      return expireOrder(state, command);
    case 'ExpireConnection':
      return expireConnection(state, command);
    case 'CreateStream':
      return createStream(state, command, revision);
    case 'UpdateStreamParams':
      return updateStreamParams(state, command, revision);
    case 'TerminateStream':
      return terminateStream(state, command);
    case 'StopStream':
      return stopStream(state, command, revision);
    case 'SetLimits':
      return [{ kind: 'LimitsSet', limits: command.limits }];
    case 'AddServer':
      return addServer(state, command);
    case 'LoseServer':
      return loseServer(state, command);
    case 'MoveSession':
      return moveSession(state, command);
    case 'RenewEpoch':
      return command.epoch === state.epoch ? [] : [{ kind: 'EpochRenewed', epoch: command.epoch }];
    case 'UseRules':
      return command.rules <= state.rules ? [] : [{ kind: 'RulesChanged', rules: command.rules }];
    case 'BindKey':
      return bindKey(state, command, revision);
    case 'RotateKey':
      return rotateKey(state, command);
    case 'ForgetKey':
      return forgetKey(state, command, revision);
    case 'UpdateIdentity':
      return updateIdentity(state, command, revision);
    case 'RevokeIdentity':
      return revokeIdentity(state, command, revision);
    case 'PutPolicy':
      return putPolicy(state, command, revision);
    case 'IssueTicket':
      return issueTicket(state, command, revision);
    case 'RevokeTicket':
      return revokeTicket(state, command);
    case 'Enroll':
      return enroll(state, command, revision);
    case 'AdmitIdentity':
      return admitIdentity(state, command, revision);
    case 'AnchorAudit':
      return anchorAudit(state, command);
  }
}

/**
 * The answer to a command that need not be stored: its refusal, or what there is already of what it asks for; undefined when it has to
 * be. For the most frequent command it is found without the changes, which are decided when the command is applied.
 */
export function answerUnstored(state: State, command: Command): readonly Change[] | Fault | undefined {
  if (command.kind === 'OpenSession') return refuseOpening(state, command);
  const decided = decide(state, command);
  return decided instanceof Fault || !decided.some(isChange) ? decided : undefined;
}

/** Whether a change alters the state. A repeated request is answered from memory and not stored. */
function isChange({ kind }: Change): boolean {
  return kind !== 'RequestRepeated';
}

/**
 * Applies a stored command: the state moves on by exactly one revision.
 *
 * A command that was good when it was stored may have lost its ground by the time it is its turn (of two commands of one
 * batch the first ended the session of the second). Then the answer is the refusal, and the revision changes nothing: it
 * stands in the journal, so it counts.
 */
export function apply(state: State, command: Command): Applied | Fault {
  if (command.storedAtMs !== undefined) state.atMs = command.storedAtMs;
  const changes = decide(state, command);
  state.revision++;
  if (changes instanceof Fault) return changes;
  for (const change of changes) evolve(state, change);
  return { revision: state.revision, changes };
}
