import type { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';

/**
 * Where an instance stands with its server.
 *
 * - `opening`: a Session call is on its way.
 * - `attaching`: there is a session; an Attach call is on its way and has not been heard of.
 * - `attached`: the attachment stands, orders arrive, the session is being renewed.
 * - `reattaching`: there is a session; it rests before the next Attach.
 * - `reopening`: there is no session; it rests before the next Session.
 * - `leaving`: a TerminateSession call for its session is on its way.
 * - `ended`: over, for good.
 */
export type State = 'opening' | 'attaching' | 'attached' | 'reattaching' | 'reopening' | 'leaving' | 'ended';

/**
 * What can happen to an instance.
 *
 * - `opened`: the Session call was answered.
 * - `welcomed`: the attachment's first message came.
 * - `broke`: a call failed in a way that time may heal, or the attachment broke or fell silent.
 * - `lost`: the session is gone through no wish of anybody: expired, unknown, its server lost.
 * - `over`: somebody wanted it to end, or the server will not have this instance at all.
 * - `rested`: the wait before the next try is over.
 * - `leave`: the program wants to leave, and says goodbye.
 * - `detach`: the program lets go without a goodbye; the session has its grace.
 * - `left`: the goodbye was heard, or given up.
 */
export type Event = (typeof EVENTS)[number];

const EVENTS = ['opened', 'welcomed', 'broke', 'lost', 'over', 'rested', 'leave', 'detach', 'left'] as const;

type Cell = State | '·';

/**
 * Every state × every event; `·` stays where it is. An event that cannot come from a state's own calls is late news
 * there, of a call that was given up when the state before was left, and changes nothing.
 *
 * `over` leads to `ended` from everywhere and nothing leads out of it: after SESSION_SUPERSEDED two clones of one
 * instance would otherwise push each other out for ever.
 */
// biome-ignore format: a table is read by its columns.
const TABLE: Readonly<Record<State, readonly [Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell]>> = {
  //            opened       welcomed    broke          lost         over     rested       leave      detach   left
  opening:     ['attaching', '·',        'reopening',   'reopening', 'ended', '·',         'ended',   'ended', '·'],
  attaching:   ['·',         'attached', 'reattaching', 'reopening', 'ended', '·',         'leaving', 'ended', '·'],
  attached:    ['·',         '·',        'reattaching', 'reopening', 'ended', '·',         'leaving', 'ended', '·'],
  reattaching: ['·',         '·',        '·',           'reopening', 'ended', 'attaching', 'leaving', 'ended', '·'],
  reopening:   ['·',         '·',        '·',           '·',         'ended', 'opening',   'ended',   'ended', '·'],
  leaving:     ['·',         '·',        '·',           'ended',     'ended', '·',         '·',       'ended', 'ended'],
  ended:       ['·',         '·',        '·',           '·',         '·',     '·',         '·',       '·',     '·'],
};

/** Where an event leads from a state. */
export function next(state: State, event: Event): State {
  const cell = TABLE[state][EVENTS.indexOf(event)];
  return cell === '·' ? state : cell;
}

/** What an error of one of the instance's own calls means for it. */
export function eventOf(error: SwitchyardError): 'broke' | 'lost' | 'over' {
  switch (error.reason) {
    case 'SESSION_SUPERSEDED':
    case 'SESSION_TERMINATED':
    case 'IDENTITY_REVOKED':
      return 'over';
    case 'SESSION_EXPIRED':
    case 'SESSION_SERVER_LOST':
    case 'SESSION_TOKEN_INVALID':
      return 'lost';
    // Nobody else has the token, so it can only be a call of ours that was thought lost and overtook this one.
    case 'ATTACHMENT_REPLACED':
    // The server has started anew, or the proof was too long on its way: the next one has a new challenge.
    case 'CHALLENGE_EXPIRED':
      return 'broke';
  }
  switch (error.code) {
    case StatusCode.INVALID_ARGUMENT:
    case StatusCode.NOT_FOUND:
    case StatusCode.PERMISSION_DENIED:
    case StatusCode.FAILED_PRECONDITION:
    case StatusCode.UNIMPLEMENTED:
    case StatusCode.UNAUTHENTICATED:
      return 'over';
    default:
      return 'broke';
  }
}
