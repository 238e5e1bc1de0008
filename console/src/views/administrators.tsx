import { useState } from 'preact/hooks';
import { becomeAdministrator } from '../actions.js';
import type { Permission } from '../model/trust.js';
import { link } from '../state.js';
import { Dialog } from './dialog.js';

/** Says which permission a view needs, and how to have it. */
export function MayNotSee({ what, needs }: { what: string; needs: Permission }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="nobody">
      <h1>You may not see {what}</h1>
      <p>
        {link.role.value === 'identity' ? 'Your roles do not allow' : 'A viewer does not have'} <code>{needs}</code>.
        Show the administrator's token once, or log in as an identity that has it, or as an administrator:
      </p>
      <pre>switchyard console{'\n'}switchyard console --admin</pre>
      <button type="button" onClick={() => setOpen(true)}>
        Show the token…
      </button>
      {isOpen && <TokenDialog onClose={() => setOpen(false)} />}
    </div>
  );
}

/** Asks for the administrator's token. The page hands it on, and does not keep it. */
export function TokenDialog({ onClose }: { onClose: () => void }) {
  const [problem, setProblem] = useState('');
  return (
    <Dialog title="Become an administrator" onClose={onClose}>
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const said = await becomeAdministrator(String(new FormData(form).get('token')));
          form.reset();
          setProblem(said);
          if (said === '') onClose();
        }}
      >
        <label>
          The administrator's token
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <p class="muted">It is in the file admin-token of the server's data folder. This page does not keep it.</p>
        <p role="alert" class="problem">
          {problem}
        </p>
        <button type="submit">Become an administrator</button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </form>
    </Dialog>
  );
}
