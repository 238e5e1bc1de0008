import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A dialog over the page: it takes the keys, and Escape closes it. Once it is gone, what had the focus before has it again. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      isGone.current = true;
      // While it is in the document: the browser gives the focus back where a dialog is closed, and not where it is taken away.
      shown?.close();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={() => isGone.current || onClose()}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}
