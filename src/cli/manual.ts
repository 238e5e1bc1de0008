import { type CommandNode, everyCommand, type OptionNode } from './network/tree.js';

/** The manual page, in man(7), made of the same tree as the help. */
export function manualPage(tree: CommandNode, version: string): string {
  const [, ...commands] = [...everyCommand(tree)];
  return [
    `.TH SWITCHYARD 1 "" "switchyard ${version}" "User Commands"`,
    '.SH NAME',
    `switchyard \\- ${text(tree.about)}`,
    '.SH SYNOPSIS',
    '.B switchyard',
    '.I COMMAND',
    '.RI [ OPTIONS ]',
    '.SH DESCRIPTION',
    'Options may stand before the command or after it. Each option of',
    '.B serve',
    'is also an environment variable: SWITCHYARD_LISTEN for \\-\\-listen.',
    '.SH OPTIONS',
    ...tree.options.flatMap(option),
    '.SH COMMANDS',
    ...commands.filter(({ commands: sub }) => sub.length === 0).flatMap(section),
    '.SH EXIT STATUS',
    ...STATUSES.flatMap(([status, words]) => ['.TP', `.B ${status}`, text(words)]),
    '.SH SEE ALSO',
    'docs/operations.md and docs/errors.md in the package, and',
    '.B switchyard explain',
    'for the reasons of errors.',
    '',
  ].join('\n');
}

const STATUSES = [
  ['0', 'done'],
  ['1', 'refused or failed; the reason is on standard error'],
  ['2', 'wrong usage'],
  ['3', 'another instance with the same UUID took the place of this one'],
  ['74', 'the journal of a server could be written no more'],
  ['129, 130, 143', 'hung up; interrupted; told to stop a second time by SIGTERM'],
] as const;

function section({ words, about, args, options, examples }: CommandNode): string[] {
  const places = args.map(({ name, isRequired }) => (isRequired ? name : `[${name}]`)).join(' ');
  return [
    `.SS "${text(`${words.slice(1).join(' ')} ${places}`.trim())}"`,
    text(about),
    ...args.flatMap(({ name, about: words }) => ['.TP', `.I ${text(name)}`, text(words)]),
    ...options.filter(({ names }) => !names.includes('--help')).flatMap(option),
    ...(examples.length === 0
      ? []
      : ['.PP', 'Examples:', '.PP', '.nf', ...examples.map((line) => `  $ ${text(line)}`), '.fi']),
  ];
}

function option({ names, value, choices, about }: OptionNode): string[] {
  const flags = names.map((name) => `\\fB${text(name)}\\fR`).join(', ');
  const behind = value === undefined ? '' : ` \\fI${text(value)}\\fR`;
  const among = choices.length === 0 ? '' : ` (${choices.join(', ')})`;
  return ['.TP', `${flags}${behind}`, text(`${about}${among}`)];
}

/** Text in which nothing is a request or an escape of roff. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll("'", '\\(aq');
  return escaped.replace(/^\./, '\\&.');
}
