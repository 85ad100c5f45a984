import { Navigate, useLocation } from "react-router";

import { useWords } from "../../i18n";
import { ButtonLink } from "../../parts/Button";
import { Slip } from "../../parts/Card";
import { useMe } from "../../session/MembersOnly";
import { Suite } from "../../shell/Suite";

/** Each room, its name, and whether moderators may enter it too; admins may enter all. */
const ROOMS = [
  ["/admin", "overview", false],
  ["/admin/reviews", "reviews", true],
  ["/admin/users", "users", false],
  ["/admin/badges", "badges", false],
  ["/admin/token-usage", "usage", false],
  ["/admin/rescoring", "rescoring", false],
  ["/admin/background", "background", false],
  ["/admin/events", "events", false],
  ["/admin/audit-log", "audit", false],
] as const;

/** The rooms of those who keep the hall, as many of them as one's role opens. */
export function Component() {
  const { t } = useWords("admin");
  const { role } = useMe();
  const { pathname, key } = useLocation();
  const open = ROOMS.filter(([, , forModerators]) => role === "admin" || (role === "moderator" && forModerators));
  const [first] = open;
  if (first === undefined) return <NotForYou />;
  // By its key, it leads on again for who comes here again while the room is being loaded.
  if (role !== "admin" && pathname === "/admin") return <Navigate key={key} to={first[0]} replace />;
  if (!open.some(([address]) => pathname === address || pathname.startsWith(`${address}/`))) return <NotForYou />;
  return (
    <Suite
      title={t("suite.title")}
      rooms={open.map(([address, name]) => [address, t(`suite.${name}`)] as const)}
    />
  );
}

function NotForYou() {
  const { t } = useWords("admin");
  const { role } = useMe();
  return (
    <Slip title={t("notForYou.title")}>
      <title>{`${t("notForYou.title")} · ${t("hall:hall")}`}</title>
      <p>{t(role === "moderator" ? "notForYou.moderator" : "notForYou.member")}</p>
      {role === "moderator" && (
        <ButtonLink look="main" to="/admin/reviews">
          {t("notForYou.reviews")}
        </ButtonLink>
      )}
      <ButtonLink look={role === "moderator" ? "plain" : "main"} to="/dashboard">
        {t("notForYou.home")}
      </ButtonLink>
    </Slip>
  );
}
