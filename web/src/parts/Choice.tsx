import { useId, type ComponentProps, type ReactNode } from "react";

import css from "./Field.module.css";

interface ChoiceProps extends Omit<ComponentProps<"select">, "className" | "id"> {
  label: string;
  why?: ReactNode;
  fault?: string;
  /** What can be chosen: the value, and how it is called. */
  options: readonly (readonly [value: string, name: string])[];
}

/** A labelled choice of one of several. Takes what `register` of a form gives, or `value` and `onChange`. */
export function Choice({ label, why, fault, options, ...rest }: ChoiceProps) {
  const id = useId();
  return (
    <div className={css.field}>
      <label className={css.label} htmlFor={id}>
        {label}
      </label>
      <select
        {...rest}
        className={css.select}
        id={id}
        aria-invalid={fault ? true : undefined}
        aria-describedby={why || fault ? `${id}-why` : undefined}
      >
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      {(why || fault) && (
        <p className={fault ? css.fault : css.why} id={`${id}-why`}>
          {fault ?? why}
        </p>
      )}
    </div>
  );
}

interface ChoicesProps extends Omit<ComponentProps<"input">, "className" | "id" | "type" | "value"> {
  label: ReactNode;
  fault?: string;
  options: readonly (readonly [value: string, name: string])[];
  /** Whether one of them can be chosen, or any number. */
  type: "radio" | "checkbox";
  /** One below the other: for options that are sentences. */
  isStacked?: boolean;
}

/** A labelled set of boxes. Takes what `register` of a form gives. */
export function Choices({ label, fault, options, type, isStacked, ...rest }: ChoicesProps) {
  const id = useId();
  return (
    <fieldset className={css.choices} aria-describedby={fault ? id : undefined}>
      <legend>{label}</legend>
      {fault && (
        <p className={css.fault} id={id} role="alert">
          {fault}
        </p>
      )}
      <div className={isStacked ? css.stack : css.options}>
        {options.map(([value, name]) => (
          <label key={value} className={css.option}>
            <input {...rest} type={type} value={value} />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
