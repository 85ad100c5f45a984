import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { ProseLine } from "../../parts/Prose";
import { Table } from "../../parts/Table";
import type { GraderOf } from "./queries";

interface RubricProps {
  rubric: NonNullable<GraderOf<"review">["rubric"]>;
  /** What was given for each criterion. */
  points?: Readonly<Record<string, number>>;
}

/** What a reader looks at, and what each is worth. */
export function Rubric({ rubric, points }: RubricProps) {
  const { t } = useWords("challenges");
  const format = useFormats();
  if (rubric.length === 0) return null;
  return (
    <Table label={t("review.rubric")} head={[t("review.criterion"), t("review.points")]}>
      {rubric.map(({ criterion, points: most }) => (
        <tr key={criterion}>
          <td>
            <ProseLine>{criterion}</ProseLine>
          </td>
          <td>
            {points
              ? t("review.pointsOf", { points: format.number(points[criterion] ?? 0), most: format.number(most) })
              : format.number(most)}
          </td>
        </tr>
      ))}
    </Table>
  );
}
