import type { Env } from "../env.ts";

/** Finds the problems with a Worker's bindings (wrangler.toml). */
export function bindingProblems(
  env: Env,
  { hasAdminKeys }: { readonly hasAdminKeys: boolean },
): readonly string[] {
  const problems: string[] = [];
  if (!has(env.ROOM, "getByName")) {
    problems.push("ROOM is not bound to the class Room (wrangler.toml, [[durable_objects.bindings]])");
  }
  if (env.REGISTRY !== undefined && !has(env.REGISTRY, "getByName")) {
    problems.push(
      "REGISTRY is not bound to the class Registry (wrangler.toml, [[durable_objects.bindings]])",
    );
  } else if (hasAdminKeys && env.REGISTRY === undefined) {
    problems.push("ADMIN_KEYS is set, but REGISTRY is not bound to the class Registry (wrangler.toml)");
  }
  for (const name of ["JOINS_PER_ADDRESS", "REQUESTS_PER_ADDRESS"] as const) {
    if (env[name] === undefined || has(env[name], "limit")) continue;
    problems.push(`${name} is not a rate limit binding; set its limit in wrangler.toml, [[ratelimits]]`);
  }
  return problems;
}

function has(binding: unknown, method: string): boolean {
  return typeof (binding as Record<string, unknown> | null | undefined)?.[method] === "function";
}
