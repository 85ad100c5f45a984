import { useEffect, useRef, useState } from "react";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import form from "../../../parts/form.module.css";
import { changed, extended, moved, parentOf, without } from "./changes";
import { NodeEditor, type TreeForm } from "./NodeEditor";
import { isGroup, newNode, type Node, type Placed } from "./tree";

interface ConditionFormProps {
  root: Node;
  faults: readonly Placed[];
  onChange: (root: Node) => void;
}

/** A condition as a tree of fields; groups within groups as deep as one likes. */
export function ConditionForm({ root, faults, onChange }: ConditionFormProps) {
  const { t } = useWords("admin");
  const place = useRef<HTMLDivElement>(null);
  /** Where the focus goes after a change: to the first of these that is there. */
  const [focusOn, setFocusOn] = useState<readonly string[]>([]);
  useEffect(() => {
    const found = focusOn.map((each) => place.current?.querySelector<HTMLElement>(each)).find((each) => each);
    found?.focus();
    if (focusOn.length > 0) setFocusOn([]);
  }, [focusOn]);

  const extend = (groupId: number, node: Node): void => {
    onChange(extended(root, groupId, node));
    setFocusOn([`[data-node="${node.id}"] select`]);
  };
  const tree: TreeForm = {
    faults,
    change: (id, change) => onChange(changed(root, id, change)),
    extend,
    canMove: (id, step) => moved(root, id, step) !== root,
    move: (id, step) => {
      onChange(moved(root, id, step));
      setFocusOn([`[data-node="${id}"] > div > [data-step="${step}"]:enabled`, `[data-node="${id}"]`]);
    },
    remove: (id) => {
      onChange(without(root, id));
      setFocusOn([`[data-node="${parentOf(root, id)?.id}"]`]);
    },
  };
  return (
    <div className={form.form} ref={place}>
      <NodeEditor node={root} tree={tree} />
      {!isGroup(root) && (
        <div className={form.row}>
          <Button onPress={() => extend(root.id, newNode("xp"))}>{t("badges.addAnother")}</Button>
        </div>
      )}
    </div>
  );
}
