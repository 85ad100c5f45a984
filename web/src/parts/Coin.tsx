import css from "./Coin.module.css";

/** The picture of a badge; bare for one that is still to be earned. */
export function Coin({ isBare }: { isBare?: boolean }) {
  const bare = isBare || undefined;
  return (
    <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden>
      <circle cx="16" cy="16" r="12" className={css.coin} data-bare={bare} />
      <path
        d="m16 9 2.100 4.500 4.900.600-3.600 3.400.900 4.900-4.300-2.400-4.300 2.400.900-4.900L9 14.100l4.900-.600z"
        className={css.star}
        data-bare={bare}
      />
    </svg>
  );
}
