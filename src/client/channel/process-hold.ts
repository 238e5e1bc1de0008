/** Keeps the process alive while anybody asks for it. */
export class ProcessHold {
  #isClosed = false;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Until the result is called. */
  take(): () => void {
    let isHeld = true;
    if (this.#count++ === 0 && !this.#isClosed) this.#timer = setInterval(() => {}, 0x7fff_ffff);
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#count === 0) clearInterval(this.#timer);
    };
  }

  /** Whoever still holds it holds nothing: a program that has closed its client may end. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }
}
