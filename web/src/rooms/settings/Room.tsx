import type { ReactNode } from "react";

import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";

/** One of the rooms of the settings, below its title. */
export function Room({ title, words, children }: { title: string; words?: string; children: ReactNode }) {
  const { t } = useWords();
  return (
    <div className={text.page}>
      <title>{`${title} · ${t("hall")}`}</title>
      <header>
        <h1>{title}</h1>
        {words && <p>{words}</p>}
      </header>
      {children}
    </div>
  );
}
