/** A value that cannot be: the message says what is allowed, and the reader of options adds where it stood. */
export class ValueError extends Error {}
