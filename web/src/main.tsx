import "@fontsource-variable/alegreya/wght.css";
import "@fontsource/alegreya-sans/400.css";
import "@fontsource/alegreya-sans/500.css";
import "@fontsource/alegreya-sans/700.css";
import "./styles/tokens.css";
import "./styles/base.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider } from "react-router";

import { asProblem } from "./api/problem";
import { beginToSpeak, withWords } from "./i18n";
import { Broken } from "./rooms/Broken";
import { meQuery } from "./session/me";
import { MembersOnly } from "./session/MembersOnly";
import { Shell } from "./shell/Shell";

/** Who is to wait longer is told so instead. */
const LONGEST_WAIT_SECONDS = 10;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // A browser's word on whether it is online is not trusted: the request tells.
      networkMode: "always",
      retry: (failures, error) => {
        const { isPassing, waitSeconds } = asProblem(error);
        return isPassing && failures < 2 && waitSeconds <= LONGEST_WAIT_SECONDS;
      },
      retryDelay: (failures, error) => 1000 * Math.max(2 ** failures, asProblem(error).waitSeconds),
    },
    mutations: { networkMode: "always" },
  },
});

const router = createBrowserRouter([
  {
    element: <Shell />,
    hydrateFallbackElement: <></>, // For as long as the room's script takes.
    errorElement: <Broken />,
    children: [
      {
        errorElement: <Broken />,
        children: [
          { path: "/", lazy: () => import("./rooms/Welcome") },
          { path: "/sign-in", lazy: () => import("./rooms/SignIn") },
          { path: "/sign-in/second-factor", lazy: () => import("./rooms/SecondFactor") },
          { path: "/sign-up", lazy: () => import("./rooms/SignUp") },
          { path: "/setup", lazy: () => withWords("account", import("./rooms/Setup")) },
          { path: "/verify-email", lazy: () => import("./rooms/VerifyEmail") },
          { path: "/reset-password", lazy: () => import("./rooms/ResetPassword") },
          {
            element: <MembersOnly />,
            children: [
              { path: "/dashboard", lazy: () => withWords("progress", withWords("goals", import("./rooms/dashboard/Dashboard"))) },
              { path: "/challenges", lazy: () => withWords("challenges", import("./rooms/challenges/Challenges")) },
              { path: "/challenges/new", lazy: () => withWords("challenges", import("./rooms/challenges/writing/Writing")) },
              { path: "/challenges/reviews", lazy: () => withWords("challenges", withWords("admin", import("./rooms/challenges/Answers"))) },
              { path: "/challenges/:id/edit", lazy: () => withWords("challenges", import("./rooms/challenges/writing/Writing")) },
              { path: "/challenges/:id", lazy: () => withWords("challenges", import("./rooms/challenges/Challenge")) },
              { path: "/attempts", lazy: () => withWords("challenges", import("./rooms/challenges/Attempts")) },
              { path: "/attempts/:id", lazy: () => withWords("challenges", import("./rooms/challenges/Attempt")) },
              {
                path: "/settings",
                lazy: () => withWords("account", import("./rooms/settings/Settings")),
                children: [
                  { index: true, lazy: () => import("./rooms/settings/Account") },
                  { path: "security", lazy: () => import("./rooms/settings/Security") },
                  { path: "devices", lazy: () => import("./rooms/settings/Devices") },
                  { path: "api-keys", lazy: () => import("./rooms/settings/ApiKeys") },
                  { path: "data", lazy: () => import("./rooms/settings/Data") },
                ],
              },
              { path: "/goals", lazy: () => withWords("goals", import("./rooms/goals/Goals")) },
              { path: "/goals/new", lazy: () => withWords("goals", import("./rooms/goals/NewGoal")) },
              { path: "/goals/:id", lazy: () => withWords("goals", import("./rooms/goals/Goal")) },
              {
                lazy: () => withWords("boards", import("./rooms/leaderboards/Leaderboards")),
                children: [
                  { path: "/leaderboards", lazy: () => import("./rooms/leaderboards/Boards") },
                  { path: "/leaderboards/seasons", lazy: () => import("./rooms/leaderboards/Seasons") },
                  { path: "/leaderboards/seasons/:id", lazy: () => import("./rooms/leaderboards/Season") },
                  { path: "/members/:id", lazy: () => import("./rooms/members/Member") },
                  { path: "/badges", lazy: () => import("./rooms/members/Gallery") },
                ],
              },
              {
                path: "/admin",
                lazy: () => withWords("admin", import("./rooms/admin/Admin")),
                children: [
                  { index: true, lazy: () => import("./rooms/admin/Overview") },
                  { path: "users", lazy: () => import("./rooms/admin/Users") },
                  { path: "users/:id", lazy: () => import("./rooms/admin/User") },
                  { path: "audit-log", lazy: () => import("./rooms/admin/AuditLog") },
                  { path: "background", lazy: () => import("./rooms/admin/Background") },
                  { path: "background/:id", lazy: () => import("./rooms/admin/Task") },
                  { path: "events", lazy: () => import("./rooms/admin/Events") },
                  { path: "reviews", lazy: () => import("./rooms/admin/reviews/Reviews") },
                  { path: "badges", lazy: () => import("./rooms/admin/badges/Badges") },
                  { path: "badges/new", lazy: () => import("./rooms/admin/badges/Badge") },
                  { path: "badges/:id", lazy: () => import("./rooms/admin/badges/Badge") },
                  { path: "token-usage", lazy: () => import("./rooms/admin/usage/TokenUsage") },
                  { path: "rescoring", lazy: () => import("./rooms/admin/rescoring/Rescoring") },
                ],
              },
            ],
          },
          { path: "*", lazy: () => import("./rooms/NotFound") },
        ],
      },
    ],
  },
]);

const place = document.getElementById("hall");
if (place === null) throw new Error("index.html has no place for the hall");
// While the words and the room are on their way, so is who is in.
void queries.prefetchQuery(meQuery);
await beginToSpeak();
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
