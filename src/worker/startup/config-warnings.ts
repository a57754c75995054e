import type { TokenRules } from "../../auth/rules.ts";
import type { Config } from "../../config/config.ts";

/**
 * Reports the parts of a configuration that have no effect, or that nobody can use. They may be meant for later, so the
 * server starts and logs them.
 */
export function configWarnings({ kinds }: Config, rules: TokenRules): readonly string[] {
  const { secrets, keys, jwksUrl, issuer, audience } = rules;
  if (secrets.length + keys.length > 0 || jwksUrl !== undefined) return [];
  const closed = [...kinds.values()].filter(({ anonymous }) => anonymous === undefined);
  const names = closed.map(({ name }) => `"${name}"`).join(", ");
  return [
    ...(closed.length === 0
      ? []
      : [
          `nobody can join rooms of ${names}: they need a token, and none of TOKEN_SECRETS, TOKEN_KEYS and TOKEN_JWKS_URL is set`,
        ]),
    ...(issuer === undefined && audience === undefined
      ? []
      : ["TOKEN_ISSUER and TOKEN_AUDIENCE have no effect: the server has no key to verify tokens"]),
  ];
}
