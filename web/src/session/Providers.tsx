import { useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { useWords } from "../i18n";
import button from "../parts/Button.module.css";
import css from "../parts/form.module.css";

/** A button for each account elsewhere that opens this hall; nothing where none does. */
export function Providers({ returnTo = "/dashboard", inNewTab = false }: { returnTo?: string; inNewTab?: boolean }) {
  const { t } = useWords();
  const { data: providers } = useQuery({
    queryKey: ["providers"],
    queryFn: () => answer(api.GET("/api/v1/auth/providers")),
    staleTime: Infinity,
  });
  if (!providers?.length) return null;
  return (
    <div className={css.providers}>
      <p className={css.or}>{t("account.or")}</p>
      {providers.map(({ name, title }) => (
        <a
          key={name}
          className={`${button.button} ${button.plain}`}
          href={`/api/v1/auth/oidc/${encodeURIComponent(name)}/login?return_to=${encodeURIComponent(returnTo)}`}
          target={inNewTab ? "_blank" : undefined}
        >
          {t("account.with", { provider: title })}
        </a>
      ))}
    </div>
  );
}
