import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";

import css from "./Field.module.css";

interface LineProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  fault?: string;
  /** For a text of several lines, how many of them are seen at once. */
  lines?: number;
  inputMode?: "text" | "numeric";
}

/** A labelled line of text that stands by itself, or several; in a form, take `Field`. */
export function Line({ label, value, onChange, fault, lines, inputMode }: LineProps) {
  return (
    <TextField className={css.field} value={value} onChange={onChange} isInvalid={fault !== undefined} validationBehavior="aria" inputMode={inputMode}>
      <Label className={css.label}>{label}</Label>
      <div className={css.line}>
        {lines === undefined ? (
          <Input className={css.input} autoCapitalize="none" spellCheck={false} />
        ) : (
          <TextArea className={css.input} rows={lines} spellCheck={false} />
        )}
      </div>
      <FieldError className={css.fault}>{fault}</FieldError>
    </TextField>
  );
}
