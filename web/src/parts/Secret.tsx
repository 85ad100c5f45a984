import { useState } from "react";

import { useWords } from "../i18n";
import { Button } from "./Button";
import form from "./form.module.css";
import css from "./Secret.module.css";

/** Something to be copied, or read off. */
export function Secret({ label, value, shown = value }: { label: string; value: string; shown?: string }) {
  return (
    <figure className={css.secret}>
      <figcaption className={css.label}>{label}</figcaption>
      <code className={css.value}>{shown}</code>
      <CopyButton value={value} />
    </figure>
  );
}

export function CopyButton({ value }: { value: string }) {
  const { t } = useWords();
  const [said, setSaid] = useState<"copied" | "copyFailed" | null>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      setSaid("copied");
    } catch {
      setSaid("copyFailed");
    }
  };
  return (
    <span className={form.row}>
      <Button onPress={() => void copy()}>{t("do.copy")}</Button>
      <span role="status">{said && t(`do.${said}`)}</span>
    </span>
  );
}
