import { useWords } from "../../i18n";
import { Chip } from "../../parts/Chip";
import type { User } from "./queries";

/** What is special about a member: a role, and that their account is not open. */
export function UserChips({ user }: { user: User }) {
  const { t } = useWords("admin");
  return (
    <>
      {user.role !== "member" && <Chip tone="brass">{t(`users.roles.${user.role}`)}</Chip>}
      {user.status !== "active" && <Chip tone="bad">{t(`users.statuses.${user.status}`)}</Chip>}
      {user.erase_after && user.status !== "erased" && <Chip tone="bad">{t("users.leaving")}</Chip>}
    </>
  );
}
