import { createInterface } from 'node:readline/promises';
import { Failure, type Surroundings, UsageError } from './surroundings.js';

/** Resolves when a person says yes. Without a person to ask it is refused: a script says --yes. `otherwise` is said when it is no. */
export async function confirm(
  question: string,
  otherwise: string,
  { terminal, input, signal }: Surroundings,
): Promise<void> {
  if (!terminal.err.interactive) throw new UsageError('nobody is there to be asked: give --yes');
  await terminal.err.write(`${question} [y/N]`);
  const answer = await firstLine(input, signal);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure(otherwise);
}

/** The first line of an input; empty when it ends before. Rejects when the command is interrupted. */
async function firstLine(input: Surroundings['input'], signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const line of lines) return line;
    signal.throwIfAborted();
    return '';
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
    input.destroy();
  }
}
