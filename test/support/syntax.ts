import { parseAst } from "vitest/node";

/** A node of a syntax tree; what its other fields hold depends on `type` (ESTree, with TypeScript's own nodes). */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every node of a TypeScript source, parents before children. Comments are none. */
export function nodesOf(source: string): Node[] {
  return [...walk(parseAst(source, { lang: "ts" }))];
}

function* walk(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if (isNode(value)) yield value;
  for (const child of Object.values(value)) yield* walk(child);
}

/** Whether a field holds a node. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The text of a string or template as far as it is written out; undefined for anything else. */
export function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type !== "TemplateLiteral") return undefined;
  const [first] = node["quasis"] as { value: { cooked: string } }[];
  return first?.value.cooked;
}
