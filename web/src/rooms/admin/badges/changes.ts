import { isGroup, newNode, type Node } from "./tree";

/** Gives the tree with one of its nodes changed. */
export function changed(root: Node, id: number, change: Partial<Omit<Node, "id">>): Node {
  if (root.id === id) return { ...root, ...change };
  return { ...root, of: root.of.map((part) => changed(part, id, change)) };
}

/** Gives the tree without a node. The root stays. */
export function without(root: Node, id: number): Node {
  return { ...root, of: root.of.filter((part) => part.id !== id).map((part) => without(part, id)) };
}

export function parentOf(root: Node, id: number): Node | undefined {
  if (root.of.some((part) => part.id === id)) return root;
  for (const part of root.of) {
    const found = parentOf(part, id);
    if (found) return found;
  }
  return undefined;
}

/** Gives the tree with another condition in a group; where there is no group, one is put around. */
export function extended(root: Node, groupId: number, node: Node): Node {
  if (!isGroup(root)) return newNode("all", { of: [root, node] });
  if (root.id === groupId) return { ...root, of: [...root.of, node] };
  return { ...root, of: root.of.map((part) => (isGroup(part) ? extended(part, groupId, node) : part)) };
}

/**
 * Moves a node a step up or down, as it is read: past the one next to it, into a group that is next
 * to it, or out of its own at that one's end. Gives the same tree where there is no further.
 */
export function moved(root: Node, id: number, step: -1 | 1): Node {
  const parent = parentOf(root, id);
  const node = parent?.of.find((part) => part.id === id);
  if (!parent || !node) return root;
  const index = parent.of.indexOf(node);
  const next = parent.of[index + step];
  if (next && isGroup(next)) {
    return changed(without(root, id), next.id, { of: step === 1 ? [node, ...next.of] : [...next.of, node] });
  }
  if (next) {
    const of = [...parent.of];
    [of[index], of[index + step]] = [next, node];
    return changed(root, parent.id, { of });
  }
  const around = parentOf(root, parent.id);
  if (!around) return root;
  const rest = without(root, id);
  const left = around.of.findIndex((part) => part.id === parent.id);
  const of = parentOf(rest, parent.id)?.of ?? [];
  return changed(rest, around.id, { of: of.toSpliced(step === 1 ? left + 1 : left, 0, node) });
}
