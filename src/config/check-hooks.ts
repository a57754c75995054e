import { shown } from "../protocol/shown.ts";
import type { KindHooks } from "./hooks.ts";
import type { Objects } from "./values.ts";

/** All hooks. */
const HOOKS: Readonly<Record<keyof KindHooks, true>> = {
  onJoin: true,
  onPublish: true,
  onPresence: true,
  onSet: true,
  onLeave: true,
};

/** Checks the hooks of a kind, or those that its `create` returned. They may come from untyped code. */
export function checkHooks(hooks: unknown, objects: Objects): hooks is KindHooks {
  if (!isObject(hooks)) {
    objects(`hooks is ${shown(hooks)}, must be an object`);
    return false;
  }
  if ("then" in hooks) {
    objects("hooks is a promise, must be an object; hooks are made synchronously");
    return false;
  }
  let isValid = true;
  const objectsTo = (problem: string): void => {
    isValid = false;
    objects(problem);
  };
  for (const name of namesOf(hooks)) {
    // Other fields belong to the object itself.
    if (!name.startsWith("on")) continue;
    const hook: unknown = hooks[name as keyof typeof hooks];
    if (!Object.hasOwn(HOOKS, name)) {
      objectsTo(`hooks.${name} is not a hook; the hooks are ${Object.keys(HOOKS).join(", ")}`);
    } else if (hook !== undefined && typeof hook !== "function") {
      objectsTo(`hooks.${name} is ${shown(hook)}, must be a function`);
    } else if (isAsync(hook)) {
      objectsTo(
        `hooks.${name} is async, must be synchronous; a hook runs in the turn of an act and cannot wait`,
      );
    }
  }
  return isValid;
}

/** Checks the `create` of a kind, whose hooks are known only once it is called. */
export function checkCreate(create: unknown, hooks: unknown, objects: Objects): void {
  if (create === undefined) return;
  if (typeof create !== "function") return objects(`create is ${shown(create)}, must be a function`);
  if (isAsync(create))
    objects("create is async, must be synchronous; it runs in the turn of an act and cannot wait");
  if (!isObject(hooks)) return;
  for (const name of namesOf(hooks).filter((name) => Object.hasOwn(HOOKS, name))) {
    if (hooks[name as keyof typeof hooks] !== undefined)
      objects(`create and hooks.${name} are both set; let create return ${name} as well`);
  }
}

/** Whether a value is an object, and not a list. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The names of an object's fields and methods, also those of its class. */
function namesOf(object: object): readonly string[] {
  const names = new Set<string>();
  for (let of: unknown = object; isObject(of) && of !== Object.prototype; of = Object.getPrototypeOf(of))
    for (const name of Object.getOwnPropertyNames(of)) names.add(name);
  return [...names];
}

function isAsync(value: unknown): boolean {
  return value instanceof AsyncFunction;
}

const AsyncFunction = (async () => undefined).constructor as new () => object;
