import { Button as Pressable, type ButtonProps } from "react-aria-components/Button";
import { Link, type LinkProps } from "react-router";

import { useWords } from "../i18n";
import css from "./Button.module.css";

type Look = "main" | "plain" | "quiet";

interface OwnButtonProps extends Omit<ButtonProps, "className"> {
  look?: Look;
  /** What it was pressed for is under way: it keeps the focus, and cannot be pressed again. */
  isPending?: boolean;
}

export function Button({ look = "plain", isPending = false, type, onPress, ...rest }: OwnButtonProps) {
  const { t } = useWords();
  return (
    <>
      <Pressable
        {...rest}
        className={css.button}
        data-look={look}
        data-under-way={isPending || undefined}
        type={isPending ? "button" : type}
        onPress={isPending ? undefined : onPress}
      />
      {/* Enter in a form's only line would send it again, unless the button that it presses is disabled. */}
      {isPending && type === "submit" && <button type="submit" disabled hidden />}
      {/* Not React Aria's `isPending`: its announcement is left behind, naming what has gone. */}
      <span className="only-heard" role="status">
        {isPending && t("wait")}
      </span>
    </>
  );
}

/** A link that looks like the button it stands in for. */
export function ButtonLink({ look = "plain", ...rest }: Omit<LinkProps, "className"> & { look?: Look }) {
  return <Link {...rest} className={css.button} data-look={look} />;
}
