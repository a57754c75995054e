import { ConfigError, settleConfig, type Config, type Variables } from "../../src/config/config.ts";
import type { Kinds } from "../../src/config/kinds.ts";

/**
 * The configuration of a server.
 *
 * @throws ConfigError with all problems
 */
export function readConfig(variables: Variables, kinds: Kinds): Config {
  const { config, problems } = settleConfig(variables, kinds);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
