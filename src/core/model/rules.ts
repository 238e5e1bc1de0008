/**
 * The rules by which `decide` says what a command comes to, by number. Every server decides for itself, so two builds that decide
 * one command differently would part ways, and so would a build and the journal that an earlier one wrote.
 *
 * A change of what a stored command comes to takes the next number: `decide` goes the new way where `state.rules` has it, and the old way
 * before. The command UseRules brings it, once every live server knows it; a journal that has it is refused by builds that do not.
 */
export const Rules = {
  /** What every journal begins with. */
  FIRST: 1,
} as const;

/** The newest rules that this build knows. */
export const RULES_MAX: number = Rules.FIRST;
