import type { ReactNode } from "react";
import { Dialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";

import css from "./Window.module.css";

interface WindowProps {
  title: string;
  onClose: () => void;
  wide?: boolean;
  /** Whether it may be left by the escape key. */
  isKept?: boolean;
  children: ReactNode;
}

/** Stands over the page, and has the focus until it is closed. */
export function Window({ title, onClose, wide, isKept, children }: WindowProps) {
  return (
    <ModalOverlay className={css.veil} isOpen isKeyboardDismissDisabled={isKept} onOpenChange={(open) => !open && onClose()}>
      <Modal className={wide ? `${css.modal} ${css.wide}` : css.modal}>
        <Dialog className={css.dialog}>
          <Heading slot="title">{title}</Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
