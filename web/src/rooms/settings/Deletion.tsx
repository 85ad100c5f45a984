import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Field } from "../../parts/Field";
import css from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { meQuery, useKeepAccount, type Me } from "../../session/me";
import own from "./Deletion.module.css";

/** The end of an account: asked for, waited for, and taken back. */
export function Deletion({ me }: { me: Me }) {
  const { t } = useWords("account");
  const format = useFormats(me.time_zone);
  const [asks, setAsks] = useState(false);
  const keep = useKeepAccount();
  return (
    <Card title={t("deletion.title")}>
      {me.erase_after ? (
        <>
          <p>{t("deletion.pending", { date: format.moment(me.erase_after) })}</p>
          <ProblemNotice error={keep.error} />
          <div className={css.row}>
            <Button look="main" onPress={() => keep.mutate()} isPending={keep.isPending}>
              {t("hall:leaving.keep")}
            </Button>
          </div>
        </>
      ) : (
        <>
          <p>{t("deletion.words")}</p>
          <ul className={own.consequences}>
            {(["waits", "erased", "stays"] as const).map((what) => (
              <li key={what}>{t(`deletion.${what}`)}</li>
            ))}
          </ul>
          <div className={css.row}>
            <Button onPress={() => setAsks(true)}>{t("deletion.begin")}</Button>
          </div>
        </>
      )}
      {asks && <AskForName me={me} onClose={() => setAsks(false)} />}
    </Card>
  );
}

function AskForName({ me, onClose }: { me: Me; onClose: () => void }) {
  const { t } = useWords("account");
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/users/me")),
    onSuccess: async (leaving) => {
      client.setQueryData(meQuery.queryKey, leaving);
      onClose();
      await client.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  const { control, handleSubmit } = useForm({ defaultValues: { name: "" } });
  return (
    <Window title={t("deletion.askTitle")} onClose={onClose}>
      <form className={css.form} onSubmit={(event) => void handleSubmit(() => leave.mutate())(event)} noValidate>
        <p>{t("deletion.askWords")}</p>
        <Field
          control={control}
          name="name"
          label={t("deletion.name", { name: me.username })}
          autoComplete="off"
          autoFocus
          rules={{
            required: t("hall:form.required"),
            validate: (typed) => typed.trim() === me.username || t("deletion.otherName", { name: me.username }),
          }}
        />
        <ProblemNotice error={leave.error} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={leave.isPending}>
            {t("deletion.confirm")}
          </Button>
          <Button look="quiet" onPress={onClose}>
            {t("hall:do.cancel")}
          </Button>
        </div>
      </form>
    </Window>
  );
}
