/** A condition as a form holds it: what is typed stays as it was typed until it is written. */
export interface Node {
  readonly id: number;
  /** The opposite is asked for. */
  readonly not: boolean;
  readonly kind: Kind;
  readonly amount: string;
  readonly domain: string;
  readonly status: string;
  readonly event: string;
  /** Of a group. */
  readonly of: readonly Node[];
}

export const LEAVES = ["xp", "attempt_count", "consecutive_days", "event_count"] as const;
export const GROUPS = ["all", "any"] as const;
export type Kind = (typeof LEAVES)[number] | (typeof GROUPS)[number];
export type FieldName = "amount" | "domain" | "status" | "event";

/** How the hall calls the number that each kind asks for. */
const AMOUNTS = { xp: "threshold", attempt_count: "count", consecutive_days: "days", event_count: "count" } as const;
const KINDS: readonly string[] = [...LEAVES, ...GROUPS];

let lastId = 0;

export const isGroup = ({ kind }: Node): boolean => kind === "all" || kind === "any";

export function newNode(kind: Kind, given: Partial<Omit<Node, "id" | "kind">> = {}): Node {
  return { id: ++lastId, kind, not: false, amount: "", domain: "", status: "", event: "", of: [], ...given };
}

/** Reads what the hall keeps; null for what this form has no fields for. */
export function read(written: unknown, not = false): Node | null {
  if (typeof written !== "object" || written === null) return null;
  const parts = new Map(Object.entries(written));
  const kind = parts.get("type");
  const of: unknown = parts.get("of") ?? parts.get("conditions") ?? parts.get("condition");
  if (kind === "not") return read(of, !not);
  if (!isKind(kind)) return null;
  if (kind === "all" || kind === "any") {
    if (!Array.isArray(of)) return null;
    const nodes = of.map((part) => read(part)).filter((node) => node !== null);
    return nodes.length === of.length ? newNode(kind, { not, of: nodes }) : null;
  }
  const text = (name: string): string => {
    const value = parts.get(name);
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  return newNode(kind, { not, amount: text(AMOUNTS[kind]), domain: text("domain"), status: text("status"), event: text("event") });
}

function isKind(kind: unknown): kind is Kind {
  return typeof kind === "string" && KINDS.includes(kind);
}

export type Written = Record<string, unknown>;

/** Writes a condition as the hall reads it. What is no number is passed on, to be refused in its place. */
export function write(node: Node): Written {
  const plain = isGroup(node) ? { type: node.kind, of: node.of.map(write) } : writeLeaf(node);
  return node.not ? { type: "not", of: plain } : plain;
}

function writeLeaf({ kind, amount, domain, status, event }: Node): Written {
  const typed = amount.trim();
  const number = /^\d{1,15}$/.test(typed) ? Number(typed) : typed;
  switch (kind) {
    case "xp":
      return { type: kind, threshold: number, ...(domain && { domain }) };
    case "attempt_count":
      return { type: kind, count: number, ...(status && { status }), ...(domain && { domain }) };
    case "event_count":
      return { type: kind, ...(event && { event }), count: number };
    default:
      return { type: kind, days: number };
  }
}

/** Tells whether two conditions ask for the same, however they are written down. */
export function isSame(one: unknown, other: unknown): boolean {
  return plainly(one) === plainly(other);
}

function plainly(written: unknown): string {
  const node = read(written);
  return JSON.stringify(node ? write(node) : written);
}

export interface Fault {
  readonly path: string;
  readonly message: string;
}

export interface Placed extends Fault {
  readonly node: number;
  /** Of the whole node, if no field of it is meant. */
  readonly field?: FieldName;
}

/** Finds the node and the field that each fault is about. */
export function placed(root: Node, faults: readonly Fault[]): Placed[] {
  const places = new Map<string, Node>();
  const walk = (node: Node, path: string): void => {
    const own = node.not ? `${path}of.` : path;
    places.set(own, node);
    if (isGroup(node)) node.of.forEach((part, index) => walk(part, `${own}of.${index}.`));
  };
  walk(root, "");
  return faults.map((fault) => {
    const path = `${fault.path}.`;
    const [place, node] = [...places].filter(([prefix]) => path.startsWith(prefix)).sort(([a], [b]) => b.length - a.length)[0] ?? ["", root];
    return { ...fault, node: node.id, field: fieldOf(path.slice(place.length, -1)) };
  });
}

function fieldOf(name: string): FieldName | undefined {
  if (name === "threshold" || name === "count" || name === "days") return "amount";
  return name === "domain" || name === "status" || name === "event" ? name : undefined;
}
