import { type Fields, Table } from './field.js';

/** Who handles a type of event: `C2S` the server, `S2C` the client, `both` either. */
export type Category = 'C2S' | 'S2C' | 'both';

/** A type of event: its number, who handles it, what its body holds, and what the data of its Answer holds. */
export interface EventType<F extends Fields = Fields, A extends Fields | undefined = Fields | undefined> {
  /** 1-255, the first byte. */
  readonly number: number;
  readonly category: Category;
  readonly table: Table<F>;
  /** The data of a successful Answer; undefined: such an Answer has none, or the type is not answered. */
  readonly answerTable: A extends Fields ? Table<A> : undefined;
  /** Whether the receiver answers it. */
  readonly answered: boolean;
}

/** A type of event: its number and name, who handles it, whether it is answered, its fields and those of its Answer. */
export function event<F extends Fields, A extends Fields | undefined>(
  number: number,
  name: string,
  category: Category,
  answered: boolean,
  fields: F,
  answerFields: A,
): EventType<F, A> {
  const answerTable = answerFields === undefined ? undefined : new Table(`Answer to ${name}`, answerFields);
  return {
    number,
    category,
    table: new Table(name, fields),
    answerTable: answerTable as EventType<F, A>['answerTable'],
    answered,
  };
}
