import { parseAst } from "vitest/node";

/** A node of a syntax tree. Its other fields depend on `type` (ESTree with TypeScript's own nodes). */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every node of a TypeScript source, parents before children. Comments are not nodes. */
export function nodesOf(source: string, lang: "ts" | "tsx" = "ts"): Node[] {
  return [...walk(parseAst(source, { lang }))];
}

function* walk(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if (isNode(value)) yield value;
  for (const child of Object.values(value)) yield* walk(child);
}

/** Whether the value of a field is a node. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The text of a string, or the literal text of a template. Undefined for anything else. */
export function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type !== "TemplateLiteral") return undefined;
  const [first] = node["quasis"] as { value: { cooked: string } }[];
  return first?.value.cooked;
}
