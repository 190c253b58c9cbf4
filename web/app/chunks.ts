/**
 * Which files the script of the pages is built into: "start" with what every page and the page of an auction need, one for
 * each folder of features, and "more" with what only some features share. Few files compress better than many small ones,
 * and name each other less often.
 */
import { join } from "node:path";

/** As rolldown gives it to the function that names a module's file. */
interface Graph {
  getModuleInfo: (id: string) => { importedIds: string[] } | null;
}

const FEATURE = /\/src\/features\/(\w+)\//;
/** Texts of a language, and the plot of prices. */
const APART = /virtual:messages\/|\/uplot\//;

/** Collects the modules that one needs at once. */
function collect(graph: Graph, id: string, into: Set<string>): Set<string> {
  if (!into.has(id)) {
    into.add(id);
    for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) {
      collect(graph, imported, into);
    }
  }
  return into;
}

/** Names the file of a module; null leaves it to rolldown. */
export function chunks(root: string) {
  let every: Set<string> | undefined;
  let auction: Set<string> | undefined;
  return (id: string, graph: Graph): string | null => {
    every ??= collect(graph, join(root, "index.html"), new Set());
    auction ??= collect(graph, join(root, "src/features/auction/AuctionPage.tsx"), new Set());
    const feature = FEATURE.exec(id)?.[1];
    if (every.has(id) || (auction.has(id) && feature !== "auction")) {
      return "start";
    }
    const rare = feature === "auction" && !auction.has(id);
    return rare || APART.test(id) ? null : (feature ?? "more");
  };
}
