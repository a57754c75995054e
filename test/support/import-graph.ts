import { posix } from "node:path";
import { nodesOf, textOf } from "./syntax.ts";

/** The source text of each file, by path. */
export type Sources = Readonly<Record<string, string>>;

/** One import, as written. */
export interface Import {
  /** Undefined if it is computed, so that it cannot be checked. */
  readonly specifier: string | undefined;
  readonly typeOnly: boolean;
}

/** Static, type, dynamic, `typeof import()` and re-exports. */
export function importsIn(source: string): Import[] {
  return nodesOf(source).flatMap((node): Import[] => {
    switch (node.type) {
      case "ImportDeclaration":
        return [{ specifier: textOf(node["source"]), typeOnly: node["importKind"] === "type" }];
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
        if (node["source"] === null) return [];
        return [{ specifier: textOf(node["source"]), typeOnly: node["exportKind"] === "type" }];
      case "TSImportType":
        return [{ specifier: textOf(node["source"]), typeOnly: true }];
      case "ImportExpression":
        return [{ specifier: textOf(node["source"]), typeOnly: false }];
      default:
        return [];
    }
  });
}

/** The circles in a graph, each as text. */
export function circlesIn(graph: Readonly<Record<string, readonly string[]>>): string[] {
  const circles: string[] = [];
  const finished = new Set<string>();
  const follow = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) circles.push([...path.slice(path.indexOf(node)), node].join(" -> "));
    else if (!finished.has(node)) {
      for (const next of graph[node] ?? []) follow(next, [...path, node]);
      finished.add(node);
    }
  };
  for (const node of Object.keys(graph)) follow(node, []);
  return circles;
}

/** For each file, the given files that it imports. */
export function fileGraph(sources: Sources): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(sources)
      .filter(([path]) => path.endsWith(".ts"))
      .map(([path, source]) => [
        path,
        importsIn(source)
          .flatMap(({ specifier = "" }) => posix.join(posix.dirname(path), specifier))
          .filter((to) => to in sources),
      ]),
  );
}
