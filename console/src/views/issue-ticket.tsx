import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { issueTicket, wordsOf, wordsOfIssue } from '../actions.js';
import { qrOf } from '../draw/qr.js';
import { changesMode, KINDS, LOW_ROLES, ROLES, readWish } from '../model/trust.js';
import { METHODS } from '../net/methods.js';
import { link } from '../state.js';
import { Dialog } from './dialog.js';

/** Whether a ticket is being issued, or shown. It is the page's and not a view's: the only copy stays until it is closed. */
export const isIssuing = signal(false);

/** Whether whoever is logged in may issue, and revoke, tickets with these roles. */
export function mayGive(roles: readonly string[]): boolean {
  return link.allows('identity.manage') || roles.every((role) => LOW_ROLES.includes(role));
}

/**
 * Asks what a ticket is to be, issues it, and shows its text once, to the user who has issued it: the page keeps it no longer than this
 * dialog is open, and hides it while nobody is logged in.
 */
export function IssueTicket() {
  const [text, setText] = useState<string>();
  const [issuer] = useState(link.user.peek());
  const user = link.user.value;
  const onClose = () => {
    isIssuing.value = false;
  };
  useEffect(() => {
    if (user !== '' && user !== issuer) onClose();
  }, [user]);
  useAskBeforeLeaving(text !== undefined);
  if (text !== undefined && user !== issuer) return null;
  return (
    <Dialog title={text === undefined ? 'Issue a ticket' : 'The ticket'} onClose={onClose}>
      {text === undefined ? (
        <TicketForm onIssued={setText} onClose={onClose} />
      ) : (
        <Issued text={text} onClose={onClose} />
      )}
    </Dialog>
  );
}

/** The ticket is in no storage: the browser asks before the page, and the only copy with it, is left or loaded again. */
function useAskBeforeLeaving(hasCopy: boolean): void {
  useEffect(() => {
    if (!hasCopy) return;
    const keep = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', keep);
    return () => removeEventListener('beforeunload', keep);
  }, [hasCopy]);
}

function TicketForm({ onIssued, onClose }: { onIssued: (text: string) => void; onClose: () => void }) {
  const [problem, setProblem] = useState('');
  const [isAsking, setAsking] = useState(false);
  const [closing] = useState(() => new AbortController());
  const policy = usePolicy();
  useEffect(() => () => closing.abort(), [closing]);
  const issue = async (form: HTMLFormElement) => {
    setAsking(true);
    try {
      const { text } = await issueTicket(readWish(new FormData(form)), closing.signal);
      if (!closing.signal.aborted) onIssued(text);
    } catch (error) {
      if (closing.signal.aborted) return;
      setProblem(wordsOfIssue(error));
      setAsking(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking && policy !== undefined) void issue(event.currentTarget);
      }}
    >
      <ModeWarning policy={policy} />
      <label>
        It lets in
        <select name="kind">{KINDS.map((word, kind) => word !== '' && <option value={kind}>{word}s</option>)}</select>
      </label>
      <fieldset class="checks">
        <legend>with the roles</legend>
        {ROLES.filter((role) => mayGive([role])).map((role) => (
          <label key={role}>
            <input type="checkbox" name="role" value={role} defaultChecked={role === 'agent'} /> {role}
          </label>
        ))}
      </fieldset>
      <div class="numbers">
        <label>
          How many
          <input name="uses" type="number" min={1} max={10_000} defaultValue="1" required />
        </label>
        <label>
          Good for, in hours
          <input name="hours" type="number" min={0.01} max={8_784} step="any" defaultValue="24" required />
        </label>
      </div>
      <label>
        Names that they may have, such as boat-*
        <input name="names" autocomplete="off" spellcheck={false} placeholder="any" />
      </label>
      <label>
        Where they reach the server, HOST:PORT
        <input name="addresses" autocomplete="off" spellcheck={false} placeholder="where it listens" />
      </label>
      <p role="alert" class="problem">
        {problem}
      </p>
      <div class="buttons">
        <button type="submit" disabled={isAsking || policy === undefined}>
          Issue the ticket
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** What the policy says of the next ticket; the reason where it could not be read. */
type PolicyWord = 'stays' | 'begins' | { readonly problem: string };

/** Asks whether the next ticket changes who may call; undefined until that is known. */
function usePolicy(): PolicyWord | undefined {
  const [word, setWord] = useState<PolicyWord>();
  useEffect(() => {
    // Where all callers have to prove who they are already, nothing changes, and not all who issue tickets may read the policy.
    if (!link.allows('policy.read') && link.login.peek()?.mode === 'required') {
      setWord('stays');
      return;
    }
    link.ask(METHODS.getPolicy).then(
      (policy) => setWord(changesMode(policy) ? 'begins' : 'stays'),
      (error: unknown) => setWord({ problem: wordsOf(error) }),
    );
  }, []);
  return word;
}

/** The first ticket of a network without a policy changes who may call. */
function ModeWarning({ policy }: { policy: PolicyWord | undefined }) {
  if (policy === undefined || policy === 'stays') return null;
  const fact =
    policy === 'begins' ? 'This network has no policy yet.' : `Whether this network has a policy: ${policy.problem}.`;
  const gives = policy === 'begins' ? 'Its' : 'Where it has none, its';
  return (
    <p class="problem" role="status">
      {fact} {gives} first ticket gives it one: from then on all callers must prove who they are.
    </p>
  );
}

function Issued({ text, onClose }: { text: string; onClose: () => void }) {
  const [said, setSaid] = useState('');
  const shown = useRef<HTMLElement>(null);
  const qr = qrOf(text);
  const select = () => shown.current !== null && getSelection()?.selectAllChildren(shown.current);
  const copy = async () => {
    try {
      // Beyond loopback, a page that came without TLS has no clipboard.
      await navigator.clipboard.writeText(text);
      setSaid('copied');
    } catch {
      select();
      setSaid('The browser does not let the page copy. The text is selected: copy it from there.');
    }
  };
  return (
    <>
      <p>Whoever has it can enrol. This is the only copy: it is gone when this is closed.</p>
      {qr === undefined ? (
        <p class="muted">It is too long for a QR code.</p>
      ) : (
        <svg
          class="qr"
          role="img"
          aria-label="The ticket as a QR code"
          viewBox={`0 0 ${qr.modules} ${qr.modules}`}
          shape-rendering="crispEdges"
        >
          <rect width={qr.modules} height={qr.modules} />
          <path d={qr.path} />
        </svg>
      )}
      {/* No field of a form: browsers store what stands in those. */}
      <section
        ref={shown}
        class="ticket"
        aria-label="The ticket as text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is selected by keys, too
        tabIndex={0}
        onFocus={select}
      >
        {text}
      </section>
      <p role="status" class="muted">
        {said}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </>
  );
}
