/** A URL, or what was meant to be one, without the user and password in it: fit to be printed. */
export function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:)?(\/\/)?[^/?#]*@/i, '$1$2');
}
