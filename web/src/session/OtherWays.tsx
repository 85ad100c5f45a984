import { answer, api } from "../api/client";
import { useWords } from "../i18n";
import css from "../parts/form.module.css";
import { deviceName } from "./device";
import { knowsPasskeys, ownerOf, problem } from "./passkey";
import { PasskeyButton } from "./PasskeyButton";
import { ProviderLinks, useProviders } from "./Providers";

interface OtherWaysProps {
  /** The only account that may be signed in to, by its id. */
  only?: string;
  returnTo?: string;
  inNewTab?: boolean;
  onSignedIn: () => Promise<unknown> | void;
}

/** The ways in beside the password: a passkey, and accounts elsewhere. */
export function OtherWays({ only, returnTo, inNewTab, onSignedIn }: OtherWaysProps) {
  const { t } = useWords();
  const providers = useProviders();
  if (!knowsPasskeys && providers.length === 0) return null;
  return (
    <div className={css.providers}>
      <p className={css.or}>{t("account.or")}</p>
      <PasskeyButton
        onPasskey={async (credential) => {
          if (only !== undefined && ownerOf(credential) !== only) throw problem("other_member");
          const body = { credential, device: deviceName(), transport: "cookie" } as const;
          await answer(api.POST("/api/v1/auth/passkey", { body }));
          await onSignedIn();
        }}
      />
      <ProviderLinks providers={providers} returnTo={returnTo} inNewTab={inNewTab} />
    </div>
  );
}
