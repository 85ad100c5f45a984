import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Table } from "../../../parts/Table";
import type { Line } from "./queries";

interface UsageTableProps {
  label: string;
  /** What the lines are: days, features, … */
  name: string;
  lines: readonly Line[];
  nameOf: (line: Line) => string;
}

export function UsageTable({ label, name, lines, nameOf }: UsageTableProps) {
  const { t } = useWords("admin");
  const format = useFormats();
  const head = [name, ...(["calls", "measure.failedCalls", "input", "cachedTokens", "output", "cost"] as const).map((column) => t(`usage.${column}`))];
  return (
    <Table label={label} head={head} hasFigures>
      {lines.map((line) => (
        <tr key={line.key}>
          <th scope="row">{nameOf(line)}</th>
          <td>{format.number(line.calls)}</td>
          <td>{format.number(line.failed_calls)}</td>
          <td>{format.number(line.input_tokens)}</td>
          <td>{format.number(line.cached_tokens)}</td>
          <td>{format.number(line.output_tokens)}</td>
          <td>{format.cost(line.cost_micros)}</td>
        </tr>
      ))}
    </Table>
  );
}
