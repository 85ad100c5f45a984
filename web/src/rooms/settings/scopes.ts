import { useWords } from "../../i18n";

/** Gives what a scope such as `goals:read` lets a program do, in words; of one not known here, its name. */
export function useScopeWords(): (scope: string) => string {
  const { t } = useWords("account");
  // A scope is the hall's word, not one of a fixed list.
  return (scope) => t(`scopes.${scope.replace(":", "_")}` as "scopes.goals_read", { defaultValue: scope });
}

/** Sorts scopes by what they let a program do. */
export function byKind(scopes: readonly string[]) {
  const ofMembers = scopes.filter((scope) => !scope.startsWith("admin:"));
  return [
    ["read", ofMembers.filter((scope) => scope.endsWith(":read"))],
    ["write", ofMembers.filter((scope) => scope.endsWith(":write"))],
    ["admin", scopes.filter((scope) => scope.startsWith("admin:"))],
  ] as const;
}
