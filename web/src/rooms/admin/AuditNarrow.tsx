import { useQueryClient } from "@tanstack/react-query";
import { useForm } from "react-hook-form";

import { asProblem } from "../../api/problem";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Choice } from "../../parts/Choice";
import { Field } from "../../parts/Field";
import form from "../../parts/form.module.css";
import { useSentence } from "../../parts/Notice";
import { ACTS } from "./acts";
import css from "./Admin.module.css";
import { userQuery, usersQuery } from "./queries";
import { useFilters } from "./useFilters";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PEOPLE = ["actor", "target"] as const;
const EMPTY = { action: "", actor: "", target: "", address: "", request: "", since: "", until: "" };

/** What the record is narrowed to. Members are named by name or by id. */
export function AuditNarrow() {
  const { t } = useWords("admin");
  const sentence = useSentence();
  const filters = useFilters();
  const idOf = useIds();
  const asked = Object.fromEntries(Object.keys(EMPTY).map((name) => [name, filters.of(name)]));
  const { control, register, handleSubmit, setError, formState } = useForm({ values: { ...EMPTY, ...asked } });
  const show = handleSubmit(async (values) => {
    const wanted = { ...values };
    for (const role of PEOPLE) {
      try {
        const id = await idOf(values[role].trim());
        if (id === undefined) return setError(role, { message: t("audit.nobody") });
        wanted[role] = id;
      } catch (error) {
        return setError(role, { message: sentence(asProblem(error)) });
      }
    }
    filters.set(wanted);
  });
  const acts = ACTS.map((act) => [act, t(`audit.acts.${act}`)] as const);
  const strange = filters.of("action");
  return (
    <form className={form.form} onSubmit={(event) => void show(event)} noValidate>
      <div className={css.filters}>
        <div className={css.wide}>
          <Choice
            label={t("audit.action")}
            {...register("action")}
            options={[
              ["", t("filter.any")] as const,
              ...acts,
              ...(strange && !acts.some(([act]) => act === strange) ? [[strange, strange] as const] : []),
            ]}
          />
        </div>
        <Field control={control} name="actor" label={t("audit.actor")} />
        <Field control={control} name="target" label={t("audit.target")} />
        <Field control={control} name="address" label={t("audit.address")} />
        <Field control={control} name="request" label={t("audit.request")} />
        <div className={css.wide}>
          <Field control={control} name="since" type="datetime-local" label={t("audit.since")} />
        </div>
        <div className={css.wide}>
          <Field control={control} name="until" type="datetime-local" label={t("audit.until")} />
        </div>
      </div>
      <div className={form.row}>
        <Button type="submit" look="main" isPending={formState.isSubmitting}>
          {t("audit.show")}
        </Button>
        {filters.isAny && (
          <Button look="quiet" onPress={filters.clear}>
            {t("filter.clear")}
          </Button>
        )}
      </div>
    </form>
  );
}

/** Gives a way to find the id of whom a name or an id means; nothing, if that is nobody. */
function useIds(): (named: string) => Promise<string | undefined> {
  const client = useQueryClient();
  return async (named) => {
    if (named === "" || ID.test(named)) return named;
    const { pages } = await client.fetchInfiniteQuery(usersQuery({ search: named }));
    const found = pages.flatMap((page) => page.items).find((user) => user.username.toLowerCase() === named.toLowerCase());
    if (found) await client.prefetchQuery(userQuery(found.id));
    return found?.id;
  };
}
