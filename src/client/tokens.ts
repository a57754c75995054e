/** A JSON Web Token that the application's backend has signed. Nothing, or "", means no token. */
type MaybeToken = string | null | undefined | void;

/** Returns a token. If it returns nothing, the client joins without a token, as an anonymous member. */
export type GetToken = () => MaybeToken | Promise<MaybeToken>;

/**
 * Requests a token; `undefined` if there is none.
 *
 * @throws TypeError for a value that is neither a token nor nothing, and whatever `getToken` throws
 */
export async function tokenFrom(getToken: GetToken | undefined): Promise<string | undefined> {
  const token = (await getToken?.()) ?? "";
  // Text that is not a token is for example an error page, JSON, or a token with "Bearer ". It may be a secret.
  if (typeof token !== "string" || /[\s"<]/.test(token))
    throw new TypeError(`getToken returned ${typeof token}, not a token`);
  return token === "" ? undefined : token;
}
