import { useInfiniteQuery } from "@tanstack/react-query";
import { useForm } from "react-hook-form";
import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { Field } from "../../parts/Field";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { ROLES, STATUSES, usersQuery, type User } from "./queries";
import { oneOf, useFilters } from "./useFilters";
import { UserChips } from "./UserChips";

export function Component() {
  const { t } = useWords("admin");
  const filters = useFilters();
  const search = filters.of("search");
  const pages = useInfiniteQuery(
    usersQuery({
      ...(search && { search }),
      role: oneOf(ROLES, filters.of("role")),
      status: oneOf(STATUSES, filters.of("status")),
    }),
  );
  const users = pages.data;
  return (
    <div className={text.page}>
      <title>{`${t("suite.users")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.users")}</h1>
      <Narrow />
      {!users && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {!users && !pages.error && <Skeleton lines={6} />}
      {users?.length === 0 && (
        <p className={text.soft} role="status">
          {t("users.none")}
        </p>
      )}
      {users && users.length > 0 && (
        <ul className={css.entries}>
          {users.map((user) => (
            <Entry key={user.id} user={user} />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </div>
  );
}

function Narrow() {
  const { t } = useWords("admin");
  const filters = useFilters();
  const form = useForm({ values: { search: filters.of("search") } });
  const find = form.handleSubmit(({ search }) => filters.set({ search: search.trim() }));
  return (
    <form className={css.filters} role="search" onSubmit={(event) => void find(event)} noValidate>
      <div className={css.wide}>
        <Field control={form.control} name="search" label={t("users.search")} />
      </div>
      <Choice
        label={t("users.role")}
        value={filters.of("role")}
        onChange={(event) => filters.set({ role: event.target.value })}
        options={[["", t("filter.any")] as const, ...ROLES.map((role) => [role, t(`users.roles.${role}`)] as const)]}
      />
      <Choice
        label={t("users.status")}
        value={filters.of("status")}
        onChange={(event) => filters.set({ status: event.target.value })}
        options={[["", t("filter.any")] as const, ...STATUSES.map((status) => [status, t(`users.statuses.${status}`)] as const)]}
      />
      <Button type="submit" look="main">
        {t("users.find")}
      </Button>
    </form>
  );
}

function Entry({ user }: { user: User }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  return (
    <li className={css.entry}>
      <div className={css.head}>
        <span className={css.name}>
          <Link to={`/admin/users/${user.id}`}>{user.username}</Link>
          <UserChips user={user} />
        </span>
        <span className={css.soft}>{t("users.since", { date: format.date(user.created_at) })}</span>
      </div>
      <span className={css.soft}>{user.email}</span>
    </li>
  );
}
