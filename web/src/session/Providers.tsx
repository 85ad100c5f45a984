import { queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client";
import { useWords } from "../i18n";
import button from "../parts/Button.module.css";
import css from "../parts/form.module.css";

type Provider = Schemas["ProviderOut"];

const providersQuery = queryOptions({
  queryKey: ["providers"],
  queryFn: () => answer(api.GET("/api/v1/auth/providers")),
  staleTime: Infinity,
});

export function useProviders(): readonly Provider[] {
  return useQuery(providersQuery).data ?? [];
}

/** A button for each account elsewhere that opens this hall; nothing where none does. */
export function Providers() {
  const { t } = useWords();
  const providers = useProviders();
  if (providers.length === 0) return null;
  return (
    <div className={css.providers}>
      <p className={css.or}>{t("account.or")}</p>
      <ProviderLinks providers={providers} />
    </div>
  );
}

interface ProviderLinksProps {
  providers: readonly Provider[];
  returnTo?: string;
  inNewTab?: boolean;
  onPress?: () => void;
}

export function ProviderLinks({ providers, returnTo = "/dashboard", inNewTab = false, onPress }: ProviderLinksProps) {
  const { t } = useWords();
  return providers.map(({ name, title }) => (
    <a
      key={name}
      className={button.button}
      href={`/api/v1/auth/oidc/${encodeURIComponent(name)}/login?return_to=${encodeURIComponent(returnTo)}`}
      target={inNewTab ? "_blank" : undefined}
      onClick={onPress}
    >
      {t("account.with", { provider: title })}
    </a>
  ));
}
