import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { useTask, type Task } from "../../api/tasks";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Fact, Facts } from "../../parts/Facts";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { userQuery } from "./queries";
import { CancelTask, TaskProgress, TaskState } from "./TaskEntry";
import { useTaskName } from "./taskNames";
import { Values } from "./Values";

export function Component() {
  const { t } = useWords("admin");
  const { id = "" } = useParams();
  const { task, error } = useTask(id);
  const nameOf = useTaskName();
  const name = task ? nameOf(task.name) : t("suite.background");
  return (
    <div className={text.page}>
      <title>{`${name} · ${t("hall:hall")}`}</title>
      <div className={css.name}>
        <h1>{name}</h1>
        {task && <TaskState task={task} />}
      </div>
      {!task && (error ? <ProblemNotice error={error} /> : <Skeleton lines={6} />)}
      {task && <Told task={task} />}
      <p className={css.linkRow}>
        <Link to="/admin/background">{t("background.back")}</Link>
      </p>
    </div>
  );
}

function Told({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const moment = (at: string | null): string => (at ? format.moment(at) : t("background.notYet"));
  return (
    <>
      <TaskProgress task={task} />
      <CancelTask task={task} />
      {task.error && (
        <Card title={t("background.error")}>
          <p className={css.error}>{task.error}</p>
        </Card>
      )}
      <Card title={t("background.course")}>
        <Facts>
          <Fact name={t("background.created")}>{moment(task.created_at)}</Fact>
          <Fact name={t("background.started")}>{moment(task.started_at)}</Fact>
          <Fact name={t("background.finished")}>{moment(task.finished_at)}</Fact>
          <Fact name={t("background.attempts")}>{t("background.tries", { done: task.attempts, count: task.max_attempts })}</Fact>
          <Fact name={t("background.askedFor")}>
            {task.requested_by ? <Requester id={task.requested_by} /> : t("background.byTheHall")}
          </Fact>
          <Fact name={t("background.queue")}>{task.queue}</Fact>
          <Fact wide name={t("background.code")}>{task.name}</Fact>
          <Fact wide name={t("background.id")}>{task.id}</Fact>
          {task.correlation_id && (
            <Fact wide name={t("audit.request")}>
              <Link to={`/admin/audit-log?request=${encodeURIComponent(task.correlation_id)}`}>{task.correlation_id}</Link>
            </Fact>
          )}
        </Facts>
      </Card>
      {task.result && (
        <Card title={t("background.result")}>
          <Values of={task.result} />
        </Card>
      )}
    </>
  );
}

function Requester({ id }: { id: string }) {
  const { data: user } = useQuery(userQuery(id));
  return <Link to={`/admin/users/${id}`}>{user?.username ?? id}</Link>;
}
