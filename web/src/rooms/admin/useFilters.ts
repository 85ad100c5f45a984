import { useSearchParams } from "react-router";

/** What a list is narrowed to, kept in the address: so it can be shared, and one can go back. */
export function useFilters() {
  const [params, setParams] = useSearchParams();
  return {
    of: (name: string): string => params.get(name) ?? "",
    isAny: params.size > 0,
    set: (changes: Readonly<Record<string, string>>): void => {
      const next = new URLSearchParams(params);
      for (const [name, value] of Object.entries(changes)) {
        if (value === "") next.delete(name);
        else next.set(name, value);
      }
      setParams(next, { preventScrollReset: true });
    },
    clear: (): void => setParams({}, { preventScrollReset: true }),
  };
}

/** Gives a value if it is one of those; an address may hold anything. */
export const oneOf = <Known extends string>(known: readonly Known[], value: string): Known | undefined =>
  known.find((each) => each === value);
