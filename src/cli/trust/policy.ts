import { addAbortSignal } from 'node:stream';
import { asError } from '../../base/errors.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { authModeWord } from '../words.js';

/** Bytes of a document: the server takes no longer one. */
const DOCUMENT_BYTES_MAX = 262_144;

/** Options of the commands about the policy. */
export interface PolicyFlags extends ConnectionFlags {
  readonly json?: boolean;
  /** Only in place of the policy of this revision. */
  readonly ifRevision?: number;
}

/** Prints the policy as it was put. */
export async function showPolicy(flags: PolicyFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    const { document, revision, mode } = await yard.identities.getPolicy({ signal });
    if (flags.json) return terminal.out.json({ document, revision, mode: authModeWord(mode) });
    await terminal.err.write(
      revision === 0n
        ? `no policy was put; the mode is ${authModeWord(mode)}`
        : `the policy of revision ${revision}; the mode is ${authModeWord(mode)}`,
    );
    // Lines of JSON begin with what JSON has there. Anything else is no policy, and in one line cannot pass for a prompt.
    const lines = isJson(document) ? document.replace(/\n$/, '').split('\n') : [document];
    if (document !== '') await terminal.out.writeLines(lines);
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Puts the policy of a file, or only checks it with its own tests. */
export async function putPolicy(
  path: string,
  { validateOnly, ...flags }: PolicyFlags & { readonly validateOnly: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const document = await readDocument(path, surroundings);
  await withAdministrator(flags, surroundings, async (yard) => {
    const ifRevision = flags.ifRevision === undefined ? undefined : BigInt(flags.ifRevision);
    const { revision, mode } = await yard.identities.putPolicy(document, { signal, validateOnly, ifRevision });
    if (flags.json) return terminal.out.json({ revision, mode: authModeWord(mode), validateOnly });
    const words = validateOnly
      ? `${path} is a good policy, and its tests pass`
      : `the policy is that of revision ${revision}; the mode is ${authModeWord(mode)}`;
    await terminal.out.write(words);
  });
}

/** Says whether an identity may do something with another, and why. */
export async function explainAccess(
  asked: { readonly from: string; readonly permission: string; readonly to: string | undefined },
  flags: PolicyFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    const { allowed, because } = await yard.identities.explain(asked, { signal });
    if (flags.json) return terminal.out.json({ ...asked, allowed, because });
    await terminal.out.write(`${allowed ? 'yes' : 'no'}: ${because}`);
  });
}

async function readDocument(path: string, { readFile, input, signal }: Surroundings): Promise<string> {
  if (path !== '-') {
    try {
      return bounded(readFile(path));
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new UsageError(`${path} cannot be read: ${asError(error).message}`);
    }
  }
  let text = '';
  for await (const chunk of addAbortSignal(signal, input.setEncoding('utf8'))) text = bounded(text + chunk);
  return text;
}

function bounded(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= DOCUMENT_BYTES_MAX) return text;
  throw new Failure(`a policy of ${bytes} bytes; ${DOCUMENT_BYTES_MAX} are the limit`);
}
