import { useState, type ReactNode } from "react";
import { Button as Pressable } from "react-aria-components/Button";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";
import { useController, type Control, type FieldPath, type FieldValues, type RegisterOptions } from "react-hook-form";

import { useWords } from "../i18n";
import css from "./Field.module.css";

interface FieldProps<Values extends FieldValues> {
  control: Control<Values>;
  name: FieldPath<Values>;
  label: ReactNode;
  why?: ReactNode;
  type?: "text" | "email" | "password" | "date" | "datetime-local";
  /** For a text of several lines, how many of them are seen at once. */
  lines?: number;
  inputMode?: "text" | "numeric" | "decimal";
  autoComplete?: string;
  /** Only for the one thing that a window asks for. */
  autoFocus?: boolean;
  isReadOnly?: boolean;
  rules?: RegisterOptions<Values, FieldPath<Values>>;
}

/** A labelled line of text in a form, or several; says what is wrong with it once one has tried to send it. */
export function Field<Values extends FieldValues>(props: FieldProps<Values>) {
  const { control, name, label, why, type = "text", lines, inputMode, autoComplete, autoFocus, rules } = props;
  const { field, fieldState } = useController<Values>({ control, name, rules });
  const [shown, setShown] = useState(false);
  const { t } = useWords();
  return (
    <TextField
      className={css.field}
      name={field.name}
      value={field.value ?? ""}
      onChange={field.onChange}
      onBlur={field.onBlur}
      type={type === "password" && shown ? "text" : type}
      isInvalid={fieldState.invalid}
      isReadOnly={props.isReadOnly}
      validationBehavior="aria"
      autoComplete={autoComplete}
      inputMode={inputMode}
      autoFocus={autoFocus}
    >
      <Label className={css.label}>{label}</Label>
      <div className={css.line}>
        {lines === undefined ? (
          <Input className={css.input} ref={field.ref} autoCapitalize="none" spellCheck={false} />
        ) : (
          <TextArea className={css.input} ref={field.ref} rows={lines} />
        )}
        {type === "password" && (
          <Pressable
            className={css.eye}
            aria-label={shown ? t("form.hidePassword") : t("form.showPassword")}
            onPress={() => setShown(!shown)}
          >
            <Eye open={shown} />
          </Pressable>
        )}
      </div>
      {why && (
        <Text slot="description" className={css.why}>
          {why}
        </Text>
      )}
      <FieldError className={css.fault}>{fieldState.error?.message}</FieldError>
    </TextField>
  );
}

function Eye({ open }: { open: boolean }) {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor" strokeWidth="1.75" aria-hidden>
      <path d="M2 12s3.600-6.500 10-6.500S22 12 22 12s-3.600 6.500-10 6.500S2 12 2 12Z" />
      <circle cx="12" cy="12" r="2.750" />
      {open && <path d="m4 20 16-16" />}
    </svg>
  );
}
