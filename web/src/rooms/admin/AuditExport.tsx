import { useMutation } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import type { AuditFilters } from "./queries";

type Form = "csv" | "jsonl";

/** Hands out what the list shows, all pages of it, as a file. */
export function AuditExport({ filters }: { filters: AuditFilters }) {
  const { t } = useWords("admin");
  const fetched = useMutation({
    mutationFn: async (kind: Form) => {
      // A download goes past the door; so the session is renewed, if it must be, before it.
      await answer(api.GET("/api/v1/admin/overview"));
      const link = document.createElement("a");
      link.href = addressOf(filters, kind);
      link.download = `audit-log.${kind}`;
      link.click();
    },
  });
  return (
    <div className={form.form}>
      <div className={form.row}>
        <Button isPending={fetched.isPending} onPress={() => fetched.mutate("csv")}>
          {t("audit.csv")}
        </Button>
        <Button isPending={fetched.isPending} onPress={() => fetched.mutate("jsonl")}>
          {t("audit.jsonl")}
        </Button>
      </div>
      <ProblemNotice error={fetched.error} />
    </div>
  );
}

function addressOf(filters: AuditFilters, kind: Form): string {
  const query = new URLSearchParams({ format: kind });
  for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
  return `/api/v1/admin/audit-log/export?${query.toString()}`;
}
