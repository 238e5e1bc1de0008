import { useEffect, useState } from 'preact/hooks';
import { issueTicket, wordsOf } from '../actions.js';
import { qrOf } from '../draw/qr.js';
import { changesMode, KINDS, ROLES, readWish } from '../model/trust.js';
import { METHODS } from '../net/methods.js';
import { link } from '../state.js';
import { Dialog } from './dialog.js';

/** Asks what a ticket is to be, issues it, and shows its text once: the page keeps it no longer than this dialog is open. */
export function IssueTicket({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState<string>();
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

function TicketForm({ onIssued, onClose }: { onIssued: (text: string) => void; onClose: () => void }) {
  const [problem, setProblem] = useState('');
  const [isAsking, setAsking] = useState(false);
  const issue = async (form: HTMLFormElement) => {
    setAsking(true);
    try {
      onIssued((await issueTicket(readWish(new FormData(form)))).text);
    } catch (error) {
      setProblem(wordsOf(error));
      setAsking(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking) void issue(event.currentTarget);
      }}
    >
      <ModeWarning />
      <label>
        It lets in
        <select name="kind">{KINDS.map((word, kind) => word !== '' && <option value={kind}>{word}s</option>)}</select>
      </label>
      <fieldset class="checks">
        <legend>with the roles</legend>
        {ROLES.map((role) => (
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
          <input name="hours" type="number" min={1} max={8_784} defaultValue="24" required />
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
        <button type="submit" disabled={isAsking}>
          Issue the ticket
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** The first ticket of a network without a policy changes who may call. */
function ModeWarning() {
  const [isFirst, setFirst] = useState(false);
  useEffect(() => {
    link.ask(METHODS.getPolicy).then(
      (policy) => setFirst(changesMode(policy)),
      // Whether it may issue tickets the server says when it is asked to.
      () => {},
    );
  }, []);
  if (!isFirst) return null;
  return (
    <p class="problem" role="status">
      This network has no policy yet. Its first ticket gives it one: from then on all callers must prove who they are.
    </p>
  );
}

function Issued({ text, onClose }: { text: string; onClose: () => void }) {
  const [said, setSaid] = useState('');
  const qr = qrOf(text);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setSaid('copied'),
      () => setSaid('The browser does not allow it: select the text and copy it.'),
    );
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
      <textarea class="ticket" aria-label="The ticket as text" readOnly rows={4} spellcheck={false} value={text} />
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
