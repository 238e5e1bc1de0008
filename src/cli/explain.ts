import { StatusCode, type SwitchyardError } from '../client/index.js';

/** What went wrong with a call, and what to do next where that is not obvious. */
export function explain(error: SwitchyardError): string {
  const advice = adviceFor(error);
  const reason = error.reason === undefined ? '' : ` (${error.reason})`;
  const fields = error.violations.map(({ field, description }) => `\n  ${field}: ${description}`).join('');
  return `${error.message}${reason}${fields}${advice === undefined ? '' : `\n${advice}`}`;
}

function adviceFor({ code, reason }: SwitchyardError): string | undefined {
  if (reason === 'ADMIN_REQUIRED' || reason === 'SESSION_TOKEN_MISSING') {
    return "This needs the administrator's token: --admin-token, SWITCHYARD_ADMIN_TOKEN, or --data with the server's data folder.";
  }
  if (reason === 'ADMIN_TOKEN_INVALID') {
    return 'The token is not that of this server: look at --admin-token, SWITCHYARD_ADMIN_TOKEN and --data.';
  }
  if (reason === 'PATH_NOT_FOUND') return 'Nothing but control links may connect them: try --control.';
  if (code === StatusCode.UNAVAILABLE) {
    return 'Is the server running? Start one with "switchyard serve", or name another with --server HOST:PORT.';
  }
  return undefined;
}
