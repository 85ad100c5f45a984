import { onlineManager, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef, useSyncExternalStore, type ReactNode } from "react";
import { Link, Outlet, ScrollRestoration, useLocation } from "react-router";

import { useWords } from "../i18n";
import { Live } from "../live/Live";
import { Button, ButtonLink } from "../parts/Button";
import { Notice, ProblemNotice } from "../parts/Notice";
import { Door } from "../session/Door";
import { meQuery, useOtherTabs, useSignOut } from "../session/me";
import { useFocusKept, useFocusOfNewRooms } from "./focus";
import { AdminIcon, ChallengesIcon, DashboardIcon, GoalsIcon, LeaderboardsIcon, SettingsIcon } from "./icons";
import { Look } from "./Look";
import css from "./Shell.module.css";

const whenOnlineChanges = (told: () => void): (() => void) => onlineManager.subscribe(told);

const Leaving = lazy(() => import("../session/Leaving"));

/** What is around every room. */
export function Shell() {
  const { t } = useWords();
  const { data: me } = useQuery(meQuery);
  const signOut = useSignOut();
  useOtherTabs();
  const main = useRef<HTMLElement>(null);
  useFocusOfNewRooms(main);
  useFocusKept(main);
  const isOnline = useSyncExternalStore(whenOnlineChanges, () => onlineManager.isOnline());
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#content" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t("nav.skip")}
      </a>
      <header className={css.header}>
        <Link className={css.brand} to={me ? "/dashboard" : "/"}>
          <img src="/seal.svg" alt="" width="36" height="36" />
          {t("hall")}
        </Link>
        {me ? (
          <>
            <nav className={css.nav} aria-label={t("nav.label")}>
              <Room to="/dashboard" icon={<DashboardIcon />}>
                {t("nav.dashboard")}
              </Room>
              <Room to="/goals" icon={<GoalsIcon />}>
                {t("nav.goals")}
              </Room>
              <Room to="/challenges" also={["/attempts"]} icon={<ChallengesIcon />}>
                {t("nav.challenges")}
              </Room>
              <Room to="/leaderboards" also={["/members", "/badges"]} icon={<LeaderboardsIcon />}>
                {t("nav.leaderboards")}
              </Room>
              {me.role !== "member" && (
                <Room to="/admin" icon={<AdminIcon />}>
                  {t("nav.admin")}
                </Room>
              )}
              <Room to="/settings" icon={<SettingsIcon />}>
                {t("nav.settings")}
              </Room>
            </nav>
            <Button look="quiet" onPress={() => signOut.mutate()} isPending={signOut.isPending}>
              {t("nav.signOut")}
            </Button>
          </>
        ) : (
          <div className={css.ways}>
            <ButtonLink look="quiet" to="/sign-in">
              {t("nav.signIn")}
            </ButtonLink>
          </div>
        )}
      </header>
      <div className={css.notices}>
        {!isOnline && <Notice tone="plain">{t("problem.offline")}</Notice>}
        <ProblemNotice error={signOut.error} />
        {me?.erase_after && (
          <Suspense>
            <Leaving me={me} />
          </Suspense>
        )}
      </div>
      <main className={css.main} id="content" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      {!me && (
        <footer className={css.footer}>
          <Look />
        </footer>
      )}
      {me && <Live memberId={me.id} />}
      <Door />
      <ScrollRestoration />
    </div>
  );
}

interface RoomProps {
  to: string;
  /** Where else one is still in this room. */
  also?: readonly string[];
  icon: ReactNode;
  children: ReactNode;
}

function Room({ to, also = [], icon, children }: RoomProps) {
  const { pathname } = useLocation();
  const isHere = [to, ...also].some((place) => `${pathname}/`.startsWith(`${place}/`));
  return (
    <Link className={css.room} to={to} aria-current={isHere ? "page" : undefined}>
      {icon}
      <span>{children}</span>
    </Link>
  );
}
