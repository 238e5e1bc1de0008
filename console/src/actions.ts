import { DEFAULT_NETWORK, type LoginFacts } from './net/link.js';
import { METHODS } from './net/methods.js';
import { isOutcomeUnknown, RefusedError } from './net/refusal.js';
import { acts, tell, tellDone, warn } from './outcome.js';
import { go, route } from './route.js';
import { link, path } from './state.js';
import { many } from './text.js';
import type { IssuedTicket, TicketWish } from './wire/trust-messages.js';

/* What a person does that the server is asked for. Each says what came of it. */

/** Logs in with a code. Answers with what was wrong; empty when nothing was. */
export function logIn(code: string): Promise<string> {
  return post('login', code);
}

/** Shows the administrator's token, which the page does not keep. Answers with what was wrong; empty when nothing was. */
export function becomeAdministrator(token: string): Promise<string> {
  return post('administrator', token);
}

/** Logs out. */
export function logOut(): Promise<string> {
  return post('logout', '');
}

async function post(path: string, body: string): Promise<string> {
  try {
    const response = await fetch(path, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    const answer = (await response.json()) as LoginFacts & { readonly message?: string };
    if (!response.ok) return answer.message ?? '';
    // The code of an administrator names the network that is shown first.
    const { network } = answer;
    if (route.peek().net === '' && network !== '' && network !== DEFAULT_NETWORK) go({ net: network });
    link.restart(answer);
    return '';
  } catch {
    return 'the server cannot be reached';
  }
}

/** Looks for a path between two nodes, over links between instances only. */
export async function findPath(fromCvid: number, toCvid: number): Promise<void> {
  try {
    const { cvids } = await link.ask(METHODS.findPath, { fromCvid, toCvid, links: [1, 2] });
    path.value = cvids;
    tell(`the path has ${cvids.length - 1} links`);
  } catch (error) {
    path.value = [];
    warn(wordsOf(error));
  }
}

/** Ends a session. */
export async function terminateSession(cvid: number, reason: string): Promise<void> {
  tell(`asking session ${cvid} to end …`);
  await tellOutcome(link.ask(METHODS.terminateSession, { cvid, reason }), `session ${cvid} has ended`);
}

/** What would stop with a stream or branch. */
export async function wouldStop(id: number): Promise<readonly number[]> {
  return (await link.ask(METHODS.stopStream, { id, validateOnly: true })).stoppedIds;
}

/** Stops a stream or branch. */
export async function stopStream(id: number): Promise<void> {
  await tellOutcome(link.ask(METHODS.stopStream, { id }), `stream ${id} has stopped`);
}

/**
 * Issues a ticket. The answer is the only copy of its secret. Rejects with why it was not issued. `signal`: no one waits for it any
 * more. A ticket that comes after that is revoked, and a notice says so.
 */
export async function issueTicket(wish: TicketWish, signal: AbortSignal): Promise<IssuedTicket> {
  try {
    const issued = await link.ask(METHODS.issueTicket, wish, signal);
    acts.value++;
    if (signal.aborted) await revokeUnseen(issued.ticket?.ticketId ?? '');
    return issued;
  } catch (error) {
    if (signal.aborted && isOutcomeUnknown(error)) warn(wordsOfIssue(error));
    throw error;
  }
}

async function revokeUnseen(ticketId: string): Promise<void> {
  const told = `ticket ${ticketId} was issued when its dialog was closed`;
  await link.ask(METHODS.revokeTicket, { ticketId, andIdentities: false }).then(
    () => tellDone(`${told}, and is revoked`),
    (error: unknown) => warn(`${told}, and must be revoked: ${wordsOf(error)}`),
  );
}

/** Why a ticket was not issued, or that it may have been. */
export function wordsOfIssue(error: unknown): string {
  if (!isOutcomeUnknown(error)) return wordsOf(error);
  return `${wordsOf(error)}: whether the ticket was issued is not known. Look in the list, and revoke a ticket that you do not have.`;
}

/** Revokes a ticket and, where that is asked for, those that have enrolled by it. */
export async function revokeTicket(ticketId: string, andIdentities: boolean): Promise<void> {
  try {
    const { identityUuids } = await link.ask(METHODS.revokeTicket, { ticketId, andIdentities });
    const enrolled = `${many(identityUuids.length, 'identity', 'identities')} enrolled by it`;
    tellDone(`ticket ${ticketId} is revoked; ${enrolled}${andIdentities ? ', revoked, too' : ''}`);
  } catch (error) {
    warn(wordsOfAction(error));
  }
}

/** Revokes an identity. */
export async function revokeIdentity(identityUuid: string): Promise<void> {
  await tellOutcome(link.ask(METHODS.revokeIdentity, { identityUuid }), `identity ${identityUuid} is revoked`);
}

/** What went wrong, in the words of the command line. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof RefusedError)) return String(error);
  return error.reason === '' ? error.message : `${error.message} (${error.reason})`;
}

/** What went wrong with what was to be done, or that it may have been done. */
function wordsOfAction(error: unknown): string {
  return isOutcomeUnknown(error) ? `${wordsOf(error)}: whether it was done is not known` : wordsOf(error);
}

/** Says what came of it, as a notice. */
async function tellOutcome(outcome: Promise<unknown>, done: string): Promise<void> {
  await outcome.then(
    () => tellDone(done),
    (error: unknown) => warn(wordsOfAction(error)),
  );
}
