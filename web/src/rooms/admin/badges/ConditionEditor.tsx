import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { ConditionWords } from "../../../parts/ConditionWords";
import { conditionOf } from "../../../parts/condition";
import form from "../../../parts/form.module.css";
import { Line } from "../../../parts/Line";
import text from "../../../parts/text.module.css";
import css from "./Badges.module.css";
import { ConditionForm } from "./ConditionForm";
import { placed, read, type Fault } from "./tree";
import { conditionIn, inJson, type Draft } from "./draft";

interface ConditionEditorProps {
  draft: Draft;
  /** What the hall says is wrong with it. */
  faults: readonly Fault[];
  onChange: (draft: Draft) => void;
}

/** What a badge is earned for: as a form, or as the JSON that the hall keeps; and in a sentence. */
export function ConditionEditor({ draft, faults, onChange }: ConditionEditorProps) {
  const { t } = useWords("admin");
  const { condition, fault } = conditionIn(draft);
  const asForm = condition && read(condition);
  const isInWords = condition !== undefined && conditionOf(condition) !== null;
  return (
    <div className={form.form}>
      {"root" in draft ? (
        <ConditionForm root={draft.root} faults={placed(draft.root, faults)} onChange={(root) => onChange({ root })} />
      ) : (
        <div className={css.json}>
          <Line label={t("badges.json")} lines={14} value={draft.json} fault={fault && t("badges.fault.json", { fault })} onChange={(json) => onChange({ json })} />
          {faults.length > 0 && (
            <ul className={`${text.list} ${css.fault}`} role="alert">
              {faults.map(({ path, message }) => (
                <li key={`${path} ${message}`}>{t(path === "" ? "badges.fault.whole" : "badges.fault.at", { path, message })}</li>
              ))}
            </ul>
          )}
        </div>
      )}
      <div className={css.sentence} role="status" aria-label={t("badges.inWords")}>
        {isInWords ? <ConditionWords condition={condition} /> : <p>{t("badges.incomplete")}</p>}
      </div>
      <div className={form.row}>
        {"root" in draft ? (
          <Button look="quiet" onPress={() => onChange(inJson(draft.root))}>
            {t("badges.toJson")}
          </Button>
        ) : (
          <>
            <Button look="quiet" isDisabled={!asForm} onPress={() => asForm && onChange({ root: asForm })}>
              {t("badges.toForm")}
            </Button>
            {!asForm && <span className={text.small}>{t("badges.noForm")}</span>}
          </>
        )}
      </div>
    </div>
  );
}
