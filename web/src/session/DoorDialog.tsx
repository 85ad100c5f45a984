import { useQueryClient } from "@tanstack/react-query";

import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Window } from "../parts/Window";
import { ConfirmForm } from "./ConfirmForm";
import { settle, type Question } from "./door";
import { enter, forget, type Me } from "./me";
import { OtherWays } from "./OtherWays";
import { SignInForm } from "./SignInForm";

/** Asks, over whatever page one is on, for what requests under way wait for. */
export default function DoorDialog({ what, me }: { what: Question; me: Me }) {
  const { t } = useWords();
  const client = useQueryClient();
  const isOut = what !== "confirm";
  const leave = (): void => {
    settle(false);
    if (isOut) forget(client);
  };
  const goOn = async (): Promise<void> => {
    const now = await enter(client);
    if (now) settle(true);
  };
  return (
    <Window
      title={t(`door.${what}Title`)}
      isKept={isOut}
      onClose={leave}
    >
      <p>{t(`door.${what}Words`)}</p>
      {isOut ? (
        <>
          <SignInForm login={me.username} onSignedIn={goOn} />
          <OtherWays only={me.id} inNewTab onSignedIn={goOn} />
        </>
      ) : (
        <ConfirmForm onConfirmed={() => settle(true)} />
      )}
      <Button look="quiet" onPress={leave}>
        {isOut ? t("door.leave") : t("do.cancel")}
      </Button>
    </Window>
  );
}
