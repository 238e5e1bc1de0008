import { Reason, StatusCode, type SwitchyardError } from '../../client/index.js';

/** Characters of a server's message that are shown: a longer one is not meant for people. */
const MESSAGE_LENGTH_MAX = 1_000;
/** More wrong fields than this only scroll the first ones off the screen. */
const FIELDS_MAX = 20;

/** What went wrong with a call, line by line, and what to do next where that is not obvious. */
export function explain(error: SwitchyardError): string[] {
  const advice = adviceFor(error);
  const reason = error.reason === undefined ? '' : ` (${error.reason})`;
  const fields = error.violations.map(({ field, description }) => `  ${shortened(field)}: ${shortened(description)}`);
  const left = fields.length - FIELDS_MAX;
  return [
    `${speaker(error)}: ${shortened(error.message)}${reason}`,
    ...fields.slice(0, FIELDS_MAX),
    ...(left > 0 ? [`  and ${left} more`] : []),
    ...(advice === undefined ? [] : [advice]),
  ];
}

/** Who says it, of several servers which: a server's message must not look like this program's own. */
function speaker({ code, reason, server }: SwitchyardError): string {
  const who = server === undefined ? 'the server' : `the server at ${server}`;
  if (reason !== undefined) return `${who} says`;
  if (code === StatusCode.UNAVAILABLE) return `${who} is away`;
  if (code !== StatusCode.DEADLINE_EXCEEDED) return `${who} says`;
  return server === undefined ? 'no answer in time' : `no answer in time from ${server}`;
}

/** Text from others, cut where it is too long for a line. */
export function shortened(text: string): string {
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX)}…`;
}

function adviceFor({ code, reason }: SwitchyardError): string | undefined {
  if (reason === 'ADMIN_REQUIRED' || reason === 'SESSION_TOKEN_MISSING') {
    return "This needs the administrator's token: --admin-token, SWITCHYARD_ADMIN_TOKEN, or --data with the server's data folder.";
  }
  if (reason === 'AUTH_REQUIRED') {
    return (
      'See switchyard whoami; an administrator gives a role with switchyard identity approve UUID --role ROLE. Where its ' +
      'key was lost or is another one, a ticket of an administrator replaces it: switchyard ticket issue --for UUID.'
    );
  }
  if (reason === 'ADMIN_TOKEN_INVALID') {
    return 'The token is not that of this server: look at --admin-token, SWITCHYARD_ADMIN_TOKEN and --data.';
  }
  if (reason === 'PATH_NOT_FOUND') return 'Nothing but control links may connect them: try --control.';
  if (reason !== undefined && Object.hasOwn(Reason, reason)) return `See: switchyard explain ${reason}`;
  if (code === StatusCode.UNIMPLEMENTED) return 'Is it a Switchyard server, and as new as this command?';
  return undefined;
}
