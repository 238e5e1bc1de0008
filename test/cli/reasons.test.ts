import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Reason } from '../../gen/switchyard/v1/error.js';
import { readReasons, reasonsProto } from '../../src/cli/reasons.js';

const PATH = new URL('../../docs/errors.md', import.meta.url);
const HEAD = `# Errors

Every refusal has a reason from this list: \`error.proto\`, of whose comments this page is made. The command line names it in
brackets; in a call it is the \`reason\` of ErrorInfo, and the answer code of system events is its number.
\`switchyard explain REASON\` says the same.
`;

/** The document, as the proto's comments have it now. */
function catalogue(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = readReasons(reasonsProto()).map(
    ({ name, number, code, cause, remedy, example }) =>
      `| \`${name}\` | ${number} | ${code} | ${cell(cause)} | ${cell(remedy)} | ${cell(example)} |`,
  );
  const head = ['| reason | number | gRPC status | cause | what to do | for example |', '|---|---|---|---|---|---|'];
  return `${HEAD}\n${[...head, ...rows].join('\n')}\n`;
}

describe('The catalogue of errors', () => {
  it('is that of the proto (UPDATE_DOCUMENT=1 brings it up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, catalogue());
    expect(readFileSync(PATH, 'utf8')).toBe(catalogue());
  });

  it('has every reason of the API, with a cause, a remedy and an example', () => {
    const names = Object.keys(Reason).filter((name) => /^[A-Z]/.test(name) && !/^UN(SPECIFIED|RECOGNIZED)$/.test(name));
    expect(readReasons(reasonsProto()).map(({ name }) => name)).toEqual(names);
  });

  it('does not take a comment that says not what to do', () => {
    const proto = '  // INTERNAL. A fault.\n  // Example: "fault".\n  REASON_INTERNAL = 63;\n';
    expect(() => readReasons(proto)).toThrow('REASON_INTERNAL must be: CODE. Cause. Do: what. Example');
  });
});
