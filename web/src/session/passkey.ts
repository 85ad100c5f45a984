import { answer, api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";

type Options = Schemas["PasskeyOptionsOut"];

/** Whether this browser can ask for passkeys in the way that the hall writes. */
export const knowsPasskeys = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Has whoever sits here make a passkey, with what their device or key asks of them. */
export async function makePasskey({ options }: Options): Promise<Schemas["Attestation"]> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as unknown as PublicKeyCredentialCreationOptionsJSON, // The hall's own, passed on unread.
  );
  return shown(() => navigator.credentials.create({ publicKey })) as Promise<Schemas["Attestation"]>;
}

/** Has whoever sits here show one of their passkeys. */
export async function showPasskey(): Promise<Schemas["Assertion"]> {
  const { options } = await answer(api.POST("/api/v1/auth/passkey/options"));
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  return shown(() => navigator.credentials.get({ publicKey })) as Promise<Schemas["Assertion"]>;
}

/** Gives the id of the member whose passkey it says it is: the hall writes a UUID's bytes there. */
export function ownerOf({ response }: Schemas["Assertion"]): string {
  const bytes = atob(response.userHandle.replaceAll("-", "+").replaceAll("_", "/"));
  const hex = Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function shown(ask: () => Promise<Credential | null>): Promise<unknown> {
  let credential: Credential | null = null;
  try {
    credential = await ask();
  } catch (error) {
    throw problem(CODES[error instanceof DOMException ? error.name : ""] ?? "passkey_failed");
  }
  if (!(credential instanceof PublicKeyCredential)) throw problem("passkey_failed");
  return credential.toJSON();
}

/** What browsers say: WebAuthn Level 3, sections 5.1.3 and 5.1.4. */
const CODES: Readonly<Record<string, string>> = {
  NotAllowedError: "passkey_not_shown",
  AbortError: "passkey_not_shown",
  InvalidStateError: "passkey_known",
  SecurityError: "passkey_elsewhere",
  NotSupportedError: "passkey_unfit",
  ConstraintError: "passkey_unfit",
};

export function problem(error: string): Problem {
  return new Problem({ status: -1, error, detail: "The passkey could not be used." });
}
