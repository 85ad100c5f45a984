import { Button as Pressable, type ButtonProps } from "react-aria-components/Button";
import { Link, type LinkProps } from "react-router";

import css from "./Button.module.css";

type Look = "main" | "plain" | "quiet";

export function Button({ look = "plain", ...rest }: Omit<ButtonProps, "className"> & { look?: Look }) {
  return <Pressable {...rest} data-look={look} className={`${css.button} ${css[look]}`} />;
}

/** A link that looks like the button it stands in for. */
export function ButtonLink({ look = "plain", ...rest }: Omit<LinkProps, "className"> & { look?: Look }) {
  return <Link {...rest} className={`${css.button} ${css[look]}`} />;
}
