/** A JSON Web Token that the application's backend has signed. Nothing, or "", means no token. */
type MaybeToken = string | null | undefined | void;

/** Returns a token. If it returns nothing, the client joins without a token, as an anonymous member. */
export type GetToken = () => MaybeToken | Promise<MaybeToken>;

/**
 * Requests a token; `undefined` if there is none.
 *
 * @throws TypeError for a value that is neither a string nor nothing, and whatever `getToken` throws
 */
export async function tokenFrom(getToken: GetToken | undefined): Promise<string | undefined> {
  const token = (await getToken?.()) ?? "";
  if (typeof token !== "string") throw new TypeError(`getToken returned ${typeof token}, not a string`);
  return token === "" ? undefined : token;
}
