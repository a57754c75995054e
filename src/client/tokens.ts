/** A token, a JSON Web Token that the application's own backend has signed; nothing, or "", where there is none. */
type MaybeToken = string | null | undefined | void;

/** Gives a token. Where it gives nothing the client joins without one, as an anonymous member. */
export type GetToken = () => MaybeToken | Promise<MaybeToken>;

/**
 * Asks for a token; `undefined` where there is none.
 *
 * @throws TypeError for what is neither a text nor nothing, and what `getToken` throws
 */
export async function tokenFrom(getToken: GetToken | undefined): Promise<string | undefined> {
  const token = (await getToken?.()) ?? "";
  if (typeof token !== "string") throw new TypeError(`getToken returned ${typeof token}, not a string`);
  return token === "" ? undefined : token;
}
