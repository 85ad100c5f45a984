import css from "./Admin.module.css";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What the hall keeps as JSON, for people: names and values, however deep. */
export function Values({ of: value }: { of: unknown }) {
  if (Array.isArray(value) && value.some((each) => typeof each === "object")) {
    return (
      <ol className={css.values}>
        {value.map((each, index) => (
          <li key={index}>
            <Values of={each} />
          </li>
        ))}
      </ol>
    );
  }
  if (Array.isArray(value)) return <span>{value.length === 0 ? "–" : value.join(", ")}</span>;
  if (!isRecord(value)) return <span>{value === null || value === "" ? "–" : String(value)}</span>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <span>–</span>;
  return (
    <dl className={css.values}>
      {entries.map(([name, each]) => (
        <div key={name} className={css.pair}>
          <dt>{name}</dt>
          <dd>
            <Values of={each} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
