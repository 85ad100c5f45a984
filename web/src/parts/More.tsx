import { useWords } from "../i18n";
import { Button } from "./Button";
import { ProblemNotice } from "./Notice";

interface MoreProps {
  /** What `useInfiniteQuery` gives. */
  pages: {
    readonly data: unknown;
    readonly error: unknown;
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    readonly fetchNextPage: () => Promise<unknown>;
  };
}

/** The way to the next page of a list; nothing at its end. */
export function More({ pages }: MoreProps) {
  const { t } = useWords();
  if (pages.data === undefined) return null;
  return (
    <>
      <ProblemNotice error={pages.error} />
      {pages.hasNextPage && (
        <Button onPress={() => void pages.fetchNextPage()} isPending={pages.isFetchingNextPage}>
          {t("do.more")}
        </Button>
      )}
    </>
  );
}
