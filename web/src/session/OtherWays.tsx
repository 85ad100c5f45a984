import { answer, api } from "../api/client";
import { Problem } from "../api/problem";
import { useWords } from "../i18n";
import css from "../parts/form.module.css";
import { deviceName } from "./device";
import { knowsPasskeys } from "./passkey";
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
          const body = { credential, device: deviceName(), transport: "cookie" } as const;
          await answer(api.POST("/api/v1/auth/passkey", { body }));
          if (only !== undefined) await leaveUnless(only);
          await onSignedIn();
        }}
      />
      <ProviderLinks providers={providers} returnTo={returnTo} inNewTab={inNewTab} />
    </div>
  );
}

/** Ends a session that was opened just now, if it is another member's. */
async function leaveUnless(id: string): Promise<void> {
  const me = await answer(api.GET("/api/v1/users/me"));
  if (me.id === id) return;
  await answer(api.POST("/api/v1/auth/logout"));
  throw new Problem({ status: -1, error: "other_member", detail: "This is another member's account." });
}
