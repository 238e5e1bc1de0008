import { useEffect, useState } from 'preact/hooks';
import { logIn, logOut } from '../actions.js';
import { isHelpOpen, KEYS } from '../keys.js';
import { DEFAULT_NETWORK } from '../net/link.js';
import { dismissNotice, notice } from '../outcome.js';
import { go, hrefOf, isKiosk, route, VIEWS } from '../route.js';
import { link, query } from '../state.js';
import { printable } from '../text.js';
import { theme, turnTheme } from '../theme.js';
import { TokenDialog } from './administrators.js';
import { AuditView } from './audit.js';
import { Chip, trouble } from './chip.js';
import { ClosedView } from './closed.js';
import { ConnectionsView } from './connections.js';
import { Dialog } from './dialog.js';
import { GraphView } from './graph.js';
import { HealthView } from './health.js';
import { IdentitiesView } from './identities.js';
import { IssueTicket, isIssuing } from './issue-ticket.js';
import { NetworkChoice, NetworkName } from './networks.js';
import { ServersView } from './servers.js';
import { SessionsView } from './sessions.js';
import { Side } from './side.js';
import { StreamsView } from './streams.js';
import { TicketsView } from './tickets.js';

const SHOWN = {
  graph: GraphView,
  sessions: SessionsView,
  streams: StreamsView,
  connections: ConnectionsView,
  closed: ClosedView,
  health: HealthView,
  servers: ServersView,
  audit: AuditView,
  identities: IdentitiesView,
  tickets: TicketsView,
} as const;
/** How long it is shown that an action went well. */
const NOTICE_MS = 8_000;

/** The whole page. */
export function App() {
  const { view } = route.value;
  const Shown = SHOWN[view];
  const isLoggedOut = link.state.value.kind === 'loggedOut';
  const network = link.network.value;
  const problem = trouble.value;
  useEffect(() => {
    // First, so that it shows in a tab that is not looked at.
    const alert = problem === '' ? '' : `⚠ ${problem} · `;
    const where = network === '' || network === DEFAULT_NETWORK ? '' : ` · ${network}`;
    document.title = `${alert}${VIEWS.find(({ id }) => id === view)?.title}${where} · Switchyard`;
  }, [view, network, problem]);
  return (
    <>
      {!isKiosk && <Header isInert={isLoggedOut} />}
      <main class={view === 'graph' && !isKiosk ? 'beside' : ''} inert={isLoggedOut}>
        {!isLoggedOut && <Shown />}
        {!isLoggedOut && view === 'graph' && !isKiosk && <Side />}
      </main>
      <NoticeBox />
      {isKiosk && (
        <section class="corner" aria-label="What is shown">
          <NetworkName />
          <Chip />
        </section>
      )}
      {isHelpOpen.value && <Help />}
      {isLoggedOut && <Login />}
      {isIssuing.value && <IssueTicket />}
    </>
  );
}

function Header({ isInert }: { isInert: boolean }) {
  const { view, q } = route.value;
  const { problem } = query.value;
  return (
    <header inert={isInert}>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <span class="brand">Switchyard</span>
      <NetworkChoice />
      <nav aria-label="Views">
        {VIEWS.map(({ id, title }) => (
          <a key={id} href={hrefOf({ view: id, sort: '', reason: '' })} aria-current={id === view ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <div class="search">
        <input
          id="search"
          type="search"
          aria-label="Search"
          aria-invalid={problem !== ''}
          aria-describedby="search-problem"
          placeholder="/ site=north name~har links>5"
          autocomplete="off"
          spellcheck={false}
          value={q}
          onInput={(event) => go({ q: event.currentTarget.value })}
        />
        <p id="search-problem" class="problem" role="status">
          {problem}
        </p>
      </div>
      <Chip />
      <Menu />
    </header>
  );
}

function skip(): void {
  document.querySelector<HTMLElement>('main [tabindex]')?.focus();
}

function Menu() {
  const [isOpen, setOpen] = useState(false);
  const { role, name = '', roles = [] } = link.login.value ?? {};
  return (
    <div class="menu">
      {role === 'identity' && (
        <span class="identity" title={`logged in as ${printable(name)}`}>
          {printable(name)} · {roles.join(', ') || 'no role'}
        </span>
      )}
      {role === 'administrator' ? (
        <span class="administrator">administrator</span>
      ) : (
        <button type="button" onClick={() => setOpen(true)}>
          Administrator…
        </button>
      )}
      <button
        type="button"
        onClick={turnTheme}
        aria-label={`Theme: ${theme.value}`}
        title="dark, light, or as the system has it"
      >
        {theme.value === 'dark' ? '☾' : theme.value === 'light' ? '☀' : '◐'}
      </button>
      <button type="button" onClick={() => (isHelpOpen.value = true)} aria-label="Keys">
        ?
      </button>
      <button type="button" onClick={() => void logOut()}>
        Log out
      </button>
      {isOpen && <TokenDialog onClose={() => setOpen(false)} />}
    </div>
  );
}

/** What an action came to. What went wrong stays until it is dismissed, also by Escape. */
function NoticeBox() {
  const { words, stays } = notice.value;
  useEffect(() => {
    if (words === '' || stays) return;
    const timer = setTimeout(dismissNotice, NOTICE_MS);
    return () => clearTimeout(timer);
  }, [words, stays]);
  return (
    <div class={`notice ${words === '' ? '' : 'shown'}`}>
      <p role="status">{words}</p>
      {stays && (
        <button type="button" onClick={dismissNotice}>
          Dismiss
        </button>
      )}
    </div>
  );
}

function Help() {
  return (
    <Dialog title="Keys" onClose={() => (isHelpOpen.value = false)}>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <button type="button" onClick={() => (isHelpOpen.value = false)}>
        Close
      </button>
    </Dialog>
  );
}

/** Over the page, which shows nothing of the network meanwhile. */
function Login() {
  const [problem, setProblem] = useState(loginProblem);
  return (
    <section class="login" role="dialog" aria-modal="true" aria-label="Log in">
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get('code')).trim();
          // The whole link is what people copy.
          setProblem(await logIn(text.replace(/^.*#code=/, '')));
        }}
      >
        <h1>Switchyard</h1>
        <p>On the machine where you have logged in, or on that of the server, run</p>
        <pre>switchyard console</pre>
        <p>It prints a link that lets you in once, within a minute. Open it, or paste it here:</p>
        <label>
          Link or code
          <input name="code" autocomplete="off" required />
        </label>
        <p role="alert" class="problem">
          {problem}
        </p>
        <button type="submit">Log in</button>
      </form>
    </section>
  );
}

let loginProblem = '';

/** Says what was wrong with the code that the page was opened with. */
export function tellLoginProblem(problem: string): void {
  loginProblem = problem;
}
