import { useQuery } from "@tanstack/react-query";

import { domainsQuery } from "../../../api/queries";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Choice } from "../../../parts/Choice";
import { EVENTS, isKnownEvent } from "../../../parts/condition";
import form from "../../../parts/form.module.css";
import { Line } from "../../../parts/Line";
import css from "./Badges.module.css";
import { useFaultOf } from "./faults";
import { GROUPS, isGroup, LEAVES, newNode, type Node, type Placed } from "./tree";

/** What can be done to a tree of conditions, and what is wrong in it. */
export interface TreeForm {
  readonly faults: readonly Placed[];
  readonly change: (id: number, change: Partial<Omit<Node, "id">>) => void;
  readonly extend: (groupId: number, node: Node) => void;
  readonly canMove: (id: number, step: -1 | 1) => boolean;
  readonly move: (id: number, step: -1 | 1) => void;
  readonly remove: (id: number) => void;
}

/** All events that can be chosen, and one's own choice, even if the hall knows it by that name only. */
const eventsFor = (own: string): string[] => [...new Set([...Object.keys(EVENTS), own])].filter((event) => event !== "");

interface NodeEditorProps {
  node: Node;
  tree: TreeForm;
  /** Where it stands, as in 2.1; the root has none. */
  place?: string;
}

/** A condition, or a group of them. */
export function NodeEditor({ node, tree, place = "" }: NodeEditorProps) {
  const { t } = useWords("admin");
  const faultOf = useFaultOf(tree.faults);
  const name = place === "" ? t("badges.whole") : t(isGroup(node) ? "badges.groupAt" : "badges.conditionAt", { place });
  const fault = faultOf(node);
  return (
    <div className={css.node} role="group" aria-label={name} tabIndex={-1} data-node={node.id} data-faulty={fault !== undefined || undefined}>
      {place !== "" && (
        <div className={css.head}>
          <span className={css.place} aria-hidden>
            {place}
          </span>
          {([-1, 1] as const).map((step) => (
            <Button
              key={step}
              data-step={step}
              look="quiet"
              aria-label={t(step === -1 ? "badges.upOf" : "badges.downOf", { name })}
              isDisabled={!tree.canMove(node.id, step)}
              onPress={() => tree.move(node.id, step)}
            >
              {t(step === -1 ? "badges.up" : "badges.down")}
            </Button>
          ))}
          <Button look="quiet" aria-label={t("badges.removeOf", { name })} onPress={() => tree.remove(node.id)}>
            {t("badges.remove")}
          </Button>
        </div>
      )}
      <div className={css.fields}>
        <Choice
          label={t("badges.asks")}
          value={node.not ? "not" : "is"}
          options={(["is", "not"] as const).map((each) => [each, t(isGroup(node) ? `badges.groupIs.${each}` : `badges.${each}`)] as const)}
          onChange={({ target }) => tree.change(node.id, { not: target.value === "not" })}
        />
        <Choice
          label={t("badges.kind")}
          value={node.kind}
          options={(isGroup(node) ? GROUPS : LEAVES).map((kind) => [kind, t(`badges.kinds.${kind}`)] as const)}
          onChange={({ target }) => {
            const kind = [...LEAVES, ...GROUPS].find((each) => each === target.value);
            if (kind) tree.change(node.id, { kind });
          }}
        />
        {!isGroup(node) && <LeafFields node={node} tree={tree} />}
      </div>
      {fault && <p className={css.fault}>{fault}</p>}
      {isGroup(node) && (
        <div className={css.parts}>
          {node.of.map((part, index) => (
            <NodeEditor key={part.id} node={part} tree={tree} place={place === "" ? String(index + 1) : `${place}.${index + 1}`} />
          ))}
          <div className={form.row}>
            <Button aria-label={t("badges.addTo", { name })} onPress={() => tree.extend(node.id, newNode("xp"))}>
              {t("badges.add")}
            </Button>
            <Button
              look="quiet"
              aria-label={t("badges.addGroupTo", { name })}
              onPress={() => tree.extend(node.id, newNode(node.kind === "all" ? "any" : "all", { of: [newNode("xp")] }))}
            >
              {t("badges.addGroup")}
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}

/** What each kind asks besides. */
function LeafFields({ node, tree }: { node: Node; tree: TreeForm }) {
  const { t } = useWords("admin");
  const { data: domains } = useQuery(domainsQuery);
  const faultOf = useFaultOf(tree.faults);
  const set = (change: Partial<Node>): void => tree.change(node.id, change);
  const hasDomain = node.kind === "xp" || node.kind === "attempt_count";
  const leaf = LEAVES.find((kind) => kind === node.kind);
  const known = (domains?.items ?? []).map(({ id, name }) => [id, name] as const);
  const own = node.domain === "" || known.some(([id]) => id === node.domain) ? [] : [[node.domain, node.domain] as const];
  return (
    <>
      {node.kind === "event_count" && (
        <Choice
          label={t("badges.event")}
          value={node.event}
          fault={faultOf(node, "event")}
          options={[["", t("badges.choose")], ...eventsFor(node.event).map((event) => [event, isKnownEvent(event) ? t(`badges.events.${EVENTS[event]}`) : event] as const)]}
          onChange={({ target }) => set({ event: target.value })}
        />
      )}
      {leaf && (
        <Line label={t(`badges.amount.${leaf}`)} value={node.amount} inputMode="numeric" fault={faultOf(node, "amount")} onChange={(amount) => set({ amount })} />
      )}
      {node.kind === "attempt_count" && (
        <Choice
          label={t("badges.status")}
          value={node.status}
          fault={faultOf(node, "status")}
          options={(["", "passed", "failed"] as const).map((status) => [status, t(`badges.statuses.${status || "either"}`)] as const)}
          onChange={({ target }) => set({ status: target.value })}
        />
      )}
      {hasDomain && (
        <Choice
          label={t("badges.domain")}
          value={node.domain}
          fault={faultOf(node, "domain")}
          options={[["", t("badges.anyDomain")], ...known, ...own]}
          onChange={({ target }) => set({ domain: target.value })}
        />
      )}
    </>
  );
}
