import type { Command } from 'commander';
import { type CommandNode, everyCommand, type OptionNode, treeOf } from './network/tree.js';
import type { Surroundings } from './surroundings.js';

/** The shells that a script can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/** Values that the shell completes by itself. */
const FILES = /^(FILE|DIR|TO)$/;

/** Prints the script that teaches a shell the commands and options of this program. */
export function printCompletion(shell: Shell, program: Command, { terminal: { out } }: Surroundings): Promise<void> {
  return out.document(completionScript(shell, treeOf(program)));
}

/** The script for a shell, made of the same tree as the help. */
export function completionScript(shell: Shell, tree: CommandNode): string {
  return { bash, zsh, fish }[shell](tree);
}

/** A command as the scripts name it: `/journal/dump`; the program itself is empty. */
function pathOf({ words }: CommandNode): string {
  return words
    .slice(1)
    .map((word) => `/${word}`)
    .join('');
}

function paths(tree: CommandNode): string[] {
  return [...everyCommand(tree)].map(pathOf).filter((path) => path !== '');
}

function optionNames({ options }: CommandNode): string[] {
  return options.flatMap(({ names }) => names);
}

/** Options whose value cannot be a word of this program: `path option` patterns of a shell. */
function valued(tree: CommandNode, wanted: (option: OptionNode) => boolean): string[] {
  const found = [...everyCommand(tree)].flatMap((node) =>
    node.options
      .filter((one) => one.value !== undefined && wanted(one))
      .flatMap(({ names }) => names.map((name) => `'${pathOf(node)} ${name}'`)),
  );
  return found.length === 0 ? ["'-'"] : found;
}

function bash(tree: CommandNode): string {
  const cases = [...everyCommand(tree)].map((node) => {
    const commands = node.commands.map(({ words }) => words.at(-1)).join(' ');
    return `    '${pathOf(node)}') commands='${commands}' options='${optionNames(node).join(' ')}' ;;`;
  });
  const choices = [...everyCommand(tree)].flatMap((node) =>
    node.options
      .filter((one) => one.choices.length > 0)
      .map(
        (one) =>
          `    '${pathOf(node)} ${one.names.at(-1)}') COMPREPLY=($(compgen -W '${one.choices.join(' ')}' -- "$cur")); return ;;`,
      ),
  );
  return `# bash completion for switchyard: source <(switchyard completion bash)
_switchyard() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= commands= options= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path/\${COMP_WORDS[i]}" in
      ${paths(tree).join('|')}) path=$path/\${COMP_WORDS[i]} ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${choices.join('\n')}
    # The shell's own completion is for files; other values are nobody's to guess.
    ${valued(tree, ({ value, choices: all }) => all.length === 0 && FILES.test(value!)).join('|')}) return ;;
    ${valued(tree, ({ value, choices: all }) => all.length === 0 && !FILES.test(value!)).join('|')}) compopt +o default 2>/dev/null; return ;;
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [[ -n $commands ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  fi
}
complete -o default -F _switchyard switchyard
`;
}

function zsh(tree: CommandNode): string {
  const word = (name: string, about: string) => `'${name.replaceAll(':', '\\:')}:${quoted(firstSentence(about))}'`;
  const cases = [...everyCommand(tree)].map((node) => {
    const commands = node.commands.map(({ words, about }) => word(words.at(-1)!, about)).join(' ');
    const options = node.options.flatMap(({ names, about }) => names.map((name) => word(name, about))).join(' ');
    return `    '${pathOf(node)}') commands=(${commands}) options=(${options}) ;;`;
  });
  const choices = [...everyCommand(tree)].flatMap((node) =>
    node.options
      .filter((one) => one.choices.length > 0)
      .map((one) => `    '${pathOf(node)} ${one.names.at(-1)}') compadd -- ${one.choices.join(' ')}; return ;;`),
  );
  return `#compdef switchyard
# zsh completion for switchyard: source <(switchyard completion zsh)
_switchyard() {
  local at= i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${paths(tree).join('|')}) at=$at/\${words[i]} ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${choices.join('\n')}
    ${valued(tree, ({ value, choices: all }) => all.length === 0 && FILES.test(value!)).join('|')}) _files; return ;;
    ${valued(tree, ({ value, choices: all }) => all.length === 0 && !FILES.test(value!)).join('|')}) return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif ((\${#commands})); then
    _describe command commands
  else
    _files
  fi
}
if [[ $funcstack[1] == _switchyard ]]; then
  _switchyard "$@"
else
  compdef _switchyard switchyard
fi
`;
}

function fish(tree: CommandNode): string {
  const lines = [...everyCommand(tree)].flatMap((node) => {
    const at = `complete -c switchyard -n "__switchyard_at '${pathOf(node)}'"`;
    return [
      ...node.commands.map(({ words, about }) => `${at} -f -a ${words.at(-1)} -d '${quoted(firstSentence(about))}'`),
      ...node.options.map(({ names, value, choices, about }) => {
        const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        const takes =
          value === undefined
            ? []
            : choices.length > 0
              ? [`-x -a '${choices.join(' ')}'`]
              : FILES.test(value)
                ? ['-r -F']
                : ['-x'];
        return `${at} ${[...flags, ...takes].join(' ')} -d '${quoted(firstSentence(about))}'`;
      }),
    ];
  });
  return `# fish completion for switchyard: switchyard completion fish | source
function __switchyard_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        if contains -- $at/$word ${paths(tree).join(' ')}
            set at $at/$word
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function firstSentence(text: string): string {
  return text.split(/(?<=[.:]) /)[0].replace(/[.:]$/, '');
}

/** In single quotes of all three shells a quote is nothing that can be escaped in the same way: an apostrophe will do. */
function quoted(text: string): string {
  return text.replaceAll("'", '’');
}
