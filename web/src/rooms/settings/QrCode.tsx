import { encodeQR } from "qr";

import css from "./QrCode.module.css";

/** The light edge that readers of QR codes need, in squares (ISO/IEC 18004, section 5.3.8). */
const QUIET = 4;

/** A text for a camera. Dark on light in either theme, as cameras expect. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
  const dark = rows.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : [])));
  return (
    <svg className={css.code} viewBox={`0 0 ${rows.length} ${rows.length}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={dark.join("")} />
    </svg>
  );
}
