import { useWords } from "../../i18n";

/** Gives what a scope such as `goals:read` lets a program do, in words; of one not known here, its name. */
export function useScopeWords(): (scope: string) => string {
  const { t } = useWords("account");
  // A scope is the hall's word, not one of a fixed list.
  return (scope) => t(`scopes.${scope.replace(":", "_")}` as "scopes.goals_read", { defaultValue: scope });
}
