import { useWords } from "../i18n";
import { useFormats } from "../i18n/formats";
import { Button } from "../parts/Button";
import { ProblemNotice } from "../parts/Notice";
import css from "./Leaving.module.css";
import { useKeepAccount, type Me } from "./me";

/** Reminds a member in every room that their account is to be erased. */
export default function Leaving({ me }: { me: Me }) {
  const { t } = useWords();
  const format = useFormats(me.time_zone);
  const keep = useKeepAccount();
  if (me.erase_after === null) return null;
  return (
    <div className={css.leaving} role="alert">
      <p>{t("leaving.words", { date: format.moment(me.erase_after) })}</p>
      <Button onPress={() => keep.mutate()} isPending={keep.isPending}>
        {t("leaving.keep")}
      </Button>
      <ProblemNotice error={keep.error} />
    </div>
  );
}
