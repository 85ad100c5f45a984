import { newNode, read, write, type Node, type Written } from "./tree";

/** A condition that is being written: as a form, or as JSON. */
export type Draft = { readonly root: Node } | { readonly json: string };

export const inJson = (root: Node): Draft => ({ json: JSON.stringify(write(root), null, 2) });

/** Begins with what the hall keeps; what the form has no fields for, as JSON. */
export function draftOf(written: Written | undefined): Draft {
  if (written === undefined) return { root: newNode("attempt_count", { status: "passed" }) };
  const root = read(written);
  return root ? { root } : { json: JSON.stringify(written, null, 2) };
}

/** Gives what was kept in the browser numbers that nothing on this page has yet. */
export const renumbered = (draft: Draft): Draft => ("root" in draft ? { root: copyOf(draft.root) } : draft);

const copyOf = ({ id: _, kind, of, ...rest }: Node): Node => newNode(kind, { ...rest, of: of.map(copyOf) });

/** Gives the condition as the hall reads it, or what keeps the JSON from being one. */
export function conditionIn(draft: Draft): { condition?: Written; fault?: string } {
  if ("root" in draft) return { condition: write(draft.root) };
  try {
    const parsed: unknown = JSON.parse(draft.json);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { condition: { ...parsed } };
    return { fault: "{ … }" };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
