import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import { progressQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import css from "./Place.module.css";
import { OWN_LINE } from "./Lines";

/** One's own place, always in sight while one reads a board. */
export function Place({ place }: { place: Schemas["BoardPlaceOut"] | null | undefined }) {
  const { t } = useWords("boards");
  const format = useFormats();
  const { data: progress } = useQuery(progressQuery);
  if (place === undefined) return null;
  if (place === null) {
    if (progress === undefined) return null;
    return <p className={css.place}>{t(progress.on_leaderboards ? "place.none" : "place.hidden")}</p>;
  }
  const words = { rank: format.number(place.rank), members: format.number(place.members) };
  return (
    <div className={css.place}>
      <p>
        <strong>{t("place.words", words)}</strong> <span className={css.xp}>{t("hall:dashboard.xp", { xp: format.number(place.xp) })}</span>
      </p>
      <Button look="quiet" onPress={jump}>
        {t("place.jump")}
      </Button>
      <Moved rank={place.rank} />
    </div>
  );
}

function jump(): void {
  const own = document.getElementById(OWN_LINE);
  own?.scrollIntoView({ block: "center" });
  own?.focus({ preventScroll: true });
}

/** Tells those who do not see it that they have moved; says nothing before. */
function Moved({ rank }: { rank: number }) {
  const { t } = useWords("boards");
  const format = useFormats();
  const [first] = useState(rank);
  const [hasMoved, setMoved] = useState(false);
  if (!hasMoved && rank !== first) setMoved(true);
  return (
    <p className="only-heard" role="status">
      {hasMoved && t("place.moved", { rank: format.number(rank) })}
    </p>
  );
}
