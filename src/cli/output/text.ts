/** How words can be set apart from others, where there are colours. */
export type Style = 'bold' | 'dim' | 'red' | 'green';

/** Words in a style. Only this program makes them: an escape sequence inside of a string is somebody else's, and not obeyed. */
export interface Painted {
  readonly style: Style;
  readonly text: Text;
}

/** What a line is made of. */
export type Text = string | Painted | readonly Text[];

/** What stands over something. */
export const bold = (text: Text): Painted => ({ style: 'bold', text });
/** What matters less. */
export const dim = (text: Text): Painted => ({ style: 'dim', text });
/** What went, or is wrong. */
export const red = (text: Text): Painted => ({ style: 'red', text });
/** What came. */
export const green = (text: Text): Painted => ({ style: 'green', text });
