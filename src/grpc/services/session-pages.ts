import type { Session as SessionMessage } from '../../../gen/switchyard/v1/session.js';
import {
  type ListSessionsRequest,
  ListSessionsResponse,
  SessionServiceService,
} from '../../../gen/switchyard/v1/session_service.js';
import { Checked } from '../../core/decide/check.js';
import { Fault } from '../../core/model/fault.js';
import type { HeldSession } from '../../core/store/sessions.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Backing } from '../backing.js';
import type { Step } from '../call-handlers.js';
import { encoded } from '../encode/encoded.js';
import { joined } from '../encode/frames.js';
import { positionMessage, sessionMessage } from '../encode/message.js';
import { heldSessionSize } from '../encode/size.js';
import { fillPage, nextTokenOf, readPage } from './page.js';

/** Bytes of a page of sessions that are encoded at a time, about: some tenths of a millisecond. */
const PIECE_BYTES = 65_536;

/**
 * A page of ListSessions. In the order of the SIDs' pages, which no coming or going of others can disturb. What is on a page is settled in the first
 * step, and its sessions, as they were then, are read and encoded in those that follow.
 */
export function pageOfSessions(
  { replica, limits }: Backing,
  request: ListSessionsRequest,
): Step<ListSessionsResponse> | Fault {
  const { state, attachments } = replica;
  const checked = new Checked(state.limits);
  const { instanceType, instanceUuid } = request;
  if (instanceType < 0 || instanceType > 7) checked.wrong('instance_type', `${instanceType}; 0 to 7 are allowed`);
  const uuid = instanceUuid === '' ? '' : checked.uuid('instance_uuid', instanceUuid);
  const paged = { method: 'ListSessions', filter: { instance_type: instanceType, instance_uuid: uuid } };
  const wanted = readPage(checked, limits, paged, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  let encoding: Generator<Uint8Array> | undefined;
  const pieces: Uint8Array[] = [];
  return () => {
    if (encoding === undefined) {
      const { after } = wanted;
      const found = uuid === '' ? sessionsAfter(state, after, instanceType) : sessionOf(state, after, uuid);
      const filled = fillPage(found, wanted, heldSessionSize);
      const end = {
        nextPageToken: nextTokenOf(paged, filled, ({ sid }) => sid),
        position: positionMessage(state.position),
      };
      encoding = encodePage(filled.page, end, (sid) => attachments.isKnownAttached(sid), state.epoch);
      return 'more';
    }
    const { value, done } = encoding.next();
    if (done) return encoded(joined(pieces));
    pieces.push(value);
    return 'more';
  };
}

/** Pieces of a message that are the message when they stand behind each other: its sessions are repeated. */
function* encodePage(
  page: readonly HeldSession[],
  end: Pick<ListSessionsResponse, 'nextPageToken' | 'position'>,
  isAttached: (sid: number) => boolean,
  epoch: string,
): Generator<Uint8Array> {
  const piece = (part: Partial<ListSessionsResponse>) =>
    SessionServiceService.listSessions.responseSerialize(ListSessionsResponse.create(part));
  let sessions: SessionMessage[] = [];
  let bytes = 0;
  for (const held of page) {
    sessions.push(sessionMessage(held.read(), epoch, isAttached(held.sid)));
    bytes += heldSessionSize(held);
    if (bytes < PIECE_BYTES) continue;
    yield piece({ sessions });
    sessions = [];
    bytes = 0;
  }
  yield piece({ sessions, ...end });
}

function* sessionsAfter(state: StateView, after: number, type: number): Iterable<HeldSession> {
  for (const sid of state.graph.sidsAfter(after, type)) {
    const session = state.sessions.hold(sid);
    // A server's node has none.
    if (session !== undefined) yield session;
  }
}

function sessionOf(state: StateView, after: number, uuid: string): HeldSession[] {
  const session = state.sessions.hold(state.sessions.sidOfInstance(uuid) ?? 0);
  return session === undefined || after !== 0 ? [] : [session];
}
