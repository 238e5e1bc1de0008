/** How words can be set apart from others, where there are colours. */
export type Style = 'bold' | 'dim' | 'red' | 'green';

/** Words in a style. Only this program makes them: escape sequences inside of strings come from others and are escaped. */
export interface Painted {
  readonly style: Style;
  readonly text: Text;
}

/** What a line is made of. */
export type Text = string | Painted | readonly Text[];

/** Headings. */
export const bold = (text: Text): Painted => ({ style: 'bold', text });
/** Less important text. */
export const dim = (text: Text): Painted => ({ style: 'dim', text });
/** What was removed, or is wrong. */
export const red = (text: Text): Painted => ({ style: 'red', text });
/** What was added. */
export const green = (text: Text): Painted => ({ style: 'green', text });
