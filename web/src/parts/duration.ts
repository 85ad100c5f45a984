import { useEffect, useState } from "react";

import { useWords } from "../i18n";

const SECOND_MILLISECONDS = 1000;
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Writes seconds as people say them, in the largest two units: "1 hour, 5 minutes". */
export function useDuration(): (seconds: number) => string {
  const { language } = useWords();
  return (seconds) => {
    const first = UNITS.findIndex(([, size]) => seconds >= size);
    const parts: string[] = [];
    let left = seconds;
    for (const [unit, size] of UNITS.slice(first === -1 ? -1 : first).slice(0, 2)) {
      const number = Math.floor(left / size);
      left -= number * size;
      if (number > 0 || parts.length === 0) {
        parts.push(new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number));
      }
    }
    return new Intl.ListFormat(language, { type: "unit", style: "long" }).format(parts);
  };
}

/** Counts down from the seconds that were left at an instant of this device's clock; 0 when it is over. */
export function useCountdown(seconds: number, at: number): number {
  const [now, setNow] = useState(() => Date.now());
  const left = Math.max(0, Math.ceil(seconds - (now - at) / SECOND_MILLISECONDS));
  const isRunning = left > 0;
  useEffect(() => {
    if (!isRunning) return;
    const clock = setInterval(() => setNow(Date.now()), SECOND_MILLISECONDS);
    return () => clearInterval(clock);
  }, [isRunning, at]);
  return Math.min(left, seconds);
}
