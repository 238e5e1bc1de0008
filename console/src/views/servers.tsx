import { METHODS } from '../net/methods.js';
import { msOf } from '../net/refusal.js';
import { link, server } from '../state.js';
import { bytesWord, count, printable, spanWord } from '../text.js';
import type { ListedServer, ServerFacts, ServerList } from '../wire/messages.js';
import { usePolled } from './polled.js';

/** What a server does in its network, by the numbers of the API. */
const ROLES = ['not said', 'leader', 'follower'];
/** As often as each server says what it is. */
const POLL_MS = 5_000;
/** The door that most clients use. */
const DOOR = 'grpc';

/** A server, and what the network is written in. */
type ListedRow = ListedServer & Pick<ServerList, 'format' | 'rules'>;

function rowsOf({ servers, format, rules }: ServerList): ListedRow[] {
  return servers.map((one) => ({ ...one, format, rules }));
}

/** The servers of the network and how they stand; one that is alone shows itself. */
export function ServersView() {
  const facts = server.value;
  const { items, isRead } = usePolled(METHODS.listServers, rowsOf, POLL_MS);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="view health" tabIndex={0} aria-label="Servers">
      <div class="bar">
        <h1>Servers</h1>
        <p>
          {facts === undefined
            ? 'The server has not answered yet.'
            : `${serversWord(Math.max(1, items.length))}, network ${link.network.value}`}
        </p>
      </div>
      {isRead && <Listed servers={items} />}
      {facts !== undefined && <Servers servers={[facts]} />}
      {facts !== undefined && !link.allows('network.read') && (
        <p class="muted">
          The other servers, the size of the journal and the age of its snapshot are told to those who have
          network.read.
        </p>
      )}
    </section>
  );
}

function serversWord(number: number): string {
  return number === 1 ? '1 server' : `${number} servers`;
}

/** All servers of the network, as the one that serves this page lists them. */
function Listed({ servers }: { servers: readonly ListedRow[] }) {
  return (
    <div class="inset">
      <table class="limits servers listed">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col" class="number">
              Term
            </th>
            <th scope="col" class="number">
              Lag
            </th>
            <th scope="col" class="number">
              Sessions
            </th>
            <th scope="col" class="number">
              Revision
            </th>
            <th scope="col" class="number" title="The format of the journal, of the latest one that the server reads">
              Format
            </th>
            <th scope="col" class="number" title="The rules that hold, of the newest ones that the server knows">
              Rules
            </th>
            <th scope="col">Address</th>
            <th scope="col" class="number">
              Said
            </th>
            <th scope="col">Version</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((one) => (
            <ListedServerRow key={one.name} one={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ListedServerRow({ one }: { one: ListedRow }) {
  const { name, role, term, lag, sessions, revision, addresses, toldAgo, version, ready } = one;
  const { format, formatMax, rules, rulesMax } = one;
  const address = addresses.find(({ codeName }) => codeName === DOOR)?.address ?? '–';
  const agoMs = msOf(toldAgo);
  return (
    <tr>
      <th scope="row">
        <code>{printable(name)}</code>
      </th>
      <td>
        {ROLES[role] ?? `role ${role}`}
        {!ready && ', not ready'}
      </td>
      <td class="number">{count(term)}</td>
      <td class="number">{spanWord(msOf(lag))}</td>
      <td class="number">{count(sessions)}</td>
      <td class="number">{count(revision)}</td>
      <td class="number">{`${format} of ${formatMax}`}</td>
      <td class="number">{`${rules} of ${rulesMax}`}</td>
      <td>
        <code>{printable(address)}</code>
      </td>
      <td class="number">{agoMs === 0 ? 'now' : `${spanWord(agoMs)} ago`}</td>
      <td>{printable(version)}</td>
    </tr>
  );
}

function Servers({ servers }: { servers: readonly ServerFacts[] }) {
  return (
    <div class="inset">
      <table class="limits servers">
        <thead>
          <tr>
            <th scope="col">Server</th>
            <th scope="col">Role</th>
            <th scope="col" class="number">
              Term
            </th>
            <th scope="col">Epoch</th>
            <th scope="col" class="number">
              Revision
            </th>
            <th scope="col" class="number">
              Journal
            </th>
            <th scope="col" class="number">
              Snapshot
            </th>
            <th scope="col" class="number">
              Up for
            </th>
            <th scope="col">Version</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((one) => (
            <ServerRow key={one.serverUuid} facts={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ServerRow({ facts }: { facts: ServerFacts }) {
  const { serverUuid, serverSid, role, term, position, journalBytes, snapshotAt, uptime, version } = facts;
  return (
    <tr>
      <th scope="row">
        <code>{serverUuid}</code> <span class="muted">SID {serverSid}</span>
      </th>
      <td>{ROLES[role] ?? `role ${role}`}</td>
      <td class="number">{term === 0 ? '–' : count(term)}</td>
      <td>
        <code>{printable(position?.epoch ?? '–')}</code>
      </td>
      <td class="number">{position === undefined ? '–' : count(position.revision)}</td>
      <td class="number">{journalBytes === 0 ? '–' : bytesWord(journalBytes)}</td>
      <td class="number">{snapshotAt === undefined ? 'none' : `${spanWord(Date.now() - msOf(snapshotAt))} old`}</td>
      <td class="number">{spanWord(msOf(uptime))}</td>
      <td>{printable(version)}</td>
    </tr>
  );
}
