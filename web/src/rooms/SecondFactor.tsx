import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { answer, api } from "../api/client";
import { useWords } from "../i18n";
import { Slip } from "../parts/Card";
import { CodeForm } from "../session/CodeForm";
import { enter } from "../session/me";

/** Where one is led after a provider's sign-in; the rest of it is in a cookie. */
export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <Slip title={t("signIn.codeTitle")}>
      <title>{`${t("signIn.codeTitle")} · ${t("hall")}`}</title>
      <CodeForm
        onCode={async (code) => {
          await answer(api.POST("/api/v1/auth/second-factor", { body: code }));
          await enter(client);
          await navigate("/dashboard", { replace: true });
        }}
        onStartOver={() => void navigate("/sign-in")}
      />
    </Slip>
  );
}
