import { useWords } from "../../i18n";

/** Gives what a task does, in words; the hall's own name for what has none. */
export function useTaskName(): (name: string) => string {
  const { t } = useWords("admin");
  return (name) => {
    // Task names are the hall's, not a fixed list.
    const key = `background.names.${name.replaceAll(".", "_")}` as "background.names.infra_probe";
    return t(key, { defaultValue: name });
  };
}
