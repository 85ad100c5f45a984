import type { FieldPath, FieldValues, UseFormSetError } from "react-hook-form";

import { asProblem } from "../api/problem";

/** Which fields of a form the hall's codes are about. */
const FIELD_OF: Readonly<Record<string, string>> = {
  username_taken: "username",
  badge_slug_taken: "slug",
  address_taken: "email",
  password_too_common: "password",
  second_factor_wrong: "code",
  deadline_out_of_reach: "deadline",
  goal_domain_unknown: "domain",
  template_unknown: "template",
};

/**
 * Shows at each field what the hall says of it. Gives true if that was all, so that nothing is left
 * to be said about the whole.
 */
export function showAtFields<Values extends FieldValues>(
  error: unknown,
  values: Values,
  setError: UseFormSetError<Values>,
  sentence: (error: unknown) => string,
): boolean {
  const problem = asProblem(error);
  const named = FIELD_OF[problem.code];
  const found = named
    ? [{ field: named, message: sentence(error) }]
    : (problem.body.faults ?? []).map(({ path, message }) => ({
        field: path.split(".").at(-1) ?? "",
        message: message,
      }));
  const known = found.filter(({ field }) => field in values);
  known.forEach(({ field, message }, index) => {
    setError(field as FieldPath<Values>, { type: "hall", message }, { shouldFocus: index === 0 });
  });
  return known.length > 0 && known.length === found.length;
}
