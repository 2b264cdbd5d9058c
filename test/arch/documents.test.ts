import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { json } from "../../core/serde/json.ts";
import { fraudDetection, fraudTopics } from "../../examples/fraud-detection/fraud_detection.ts";
import { sink } from "../../topology/sink.ts";
import { readJson, root, sourcesIn } from "./sources.ts";

const textOf = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
];

describe("the documents", () => {
  it("lead to files that exist", () => {
    const broken = documents.flatMap((path) =>
      [...textOf(path).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
        .map(([, link]) => link!)
        .filter((link) => !link.startsWith("https://") && !existsSync(join(root, dirname(path), link)))
        .map((link) => `${path} leads to ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("name only scripts that package.json has", () => {
    const { scripts } = readJson("package.json");
    const missing = documents.flatMap((path) =>
      [...textOf(path).matchAll(/npm run ([\w:]+)/g)]
        .filter(([, name]) => scripts[name!] === undefined)
        .map(([words]) => `${path} says ${words}`),
    );
    expect(missing).toEqual([]);
  });

  it("describe every option of run, and no other", () => {
    const documented = [...textOf("docs/configuration.md").matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name!);
    expect(documented.sort()).toEqual([...optionsOf("topology/run_options.ts"), ...optionsOf("node/run.ts")].sort());
  });

  it("describe every metric, and no other", () => {
    const tables = textOf("docs/operations.md").split("## Metrics")[1]!.split("\n## ")[0]!;
    const documented = [...tables.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    );
    const counted = sourcesIn("core").flatMap(({ path }) =>
      [...textOf(path).matchAll(/(?:counter|count)\(\s*"(\w+)"|yield \{ name: "(\w+)"/g)].map(([, counter, gauge]) => counter ?? gauge!),
    );
    // Chosen by a policy at run time.
    const chosen = ["skipped_records", "dead_letter_records"];
    expect(documented.sort()).toEqual([...new Set([...counted, ...chosen])].sort());
  });

  it("describe every code that an error can have, and no other; and each of them is thrown", () => {
    const codes = [.../ErrorCode =(.*?);/s.exec(textOf("core/errors.ts"))![1]!.matchAll(/"(\w+)"/g)].map(([, code]) => code!);
    const table = textOf("docs/errors.md").split("## Codes")[1]!.split("\n## ")[0]!;
    const documented = [...table.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    );
    expect(documented.sort()).toEqual([...codes].sort());
    // Outside the list of them, or inside a class that has one code only.
    const sources = ["core", "topology", "node"].flatMap((folder) => sourcesIn(folder).map(({ path }) => textOf(path)));
    const thrown = sources.map((source) => source.replace(/ErrorCode =.*?;/s, "")).join("\n");
    expect(codes.filter((code) => !thrown.includes(`"${code}"`))).toEqual([]);
  });

  it("say of every kind of bad input what happens, and name tests that are there", () => {
    const rows = [...textOf("docs/bad-input.md").matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, number, cells]) => ({
      number: Number(number),
      cells: cells!.split(" | "),
    }));
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 74 }, (_, n) => n + 1));
    const broken = rows.flatMap(({ number, cells: [, , shownBy = ""] }) => {
      const tests = [...shownBy.matchAll(/\]\(\.\.\/([^)]+)\) “([^”]+)”/g)].map(([, path, words]) => ({ path: path!, words: words! }));
      // What is not shown by a test says why.
      if (tests.length === 0) return /^(.*not built|not looked for: .*)$/.test(shownBy) ? [] : [`${number} has no test, and no reason`];
      return tests.flatMap(({ path, words }) =>
        existsSync(join(root, path)) && textOf(path).includes(words) ? [] : [`${number} names '${words}', which ${path} does not have`],
      );
    });
    expect(broken).toEqual([]);
  });

  it("draw the fraud job as it is", () => {
    const topics = fraudTopics({ prefix: "", transaction: json<any>(), account: json<any>() });
    const drawing = fraudDetection("", topics, [sink("search", { write: async () => {} })]).describe("mermaid");
    expect(textOf("docs/fraud-detection.md")).toContain(`\`\`\`mermaid\n${drawing.trimEnd()}\n\`\`\``);
  });
});

describe("the public faces", () => {
  const faces = ["mod.ts", "node/mod.ts", "node/serde/mod.ts", "topology/testing/mod.ts"];

  it("export nothing without a docstring", () => {
    const deno = join(root, "node_modules/deno/bin.cjs");
    const { nodes } = JSON.parse(
      execFileSync(process.execPath, [deno, "doc", "--json", ...faces], {
        cwd: root,
        encoding: "utf8",
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as { readonly nodes: Readonly<Record<string, { readonly symbols: readonly Exported[] }>> };
    const exported = Object.values(nodes).flatMap(({ symbols }) => symbols);
    expect(exported.length).toBeGreaterThan(100);
    // Of overloads the first one speaks for all.
    expect(exported.filter(({ declarations }) => declarations.every(({ jsDoc }) => !jsDoc?.doc)).map(({ name }) => name)).toEqual([]);
  }, 60_000);
});

interface Exported {
  readonly name: string;
  readonly declarations: readonly { readonly jsDoc?: { readonly doc?: string } }[];
}

/** The names of the options that an interface RunOptions declares; those of a group have its name in front. */
const optionsOf = (path: string): readonly string[] => {
  const body = /interface RunOptions[^{]*\{\n(.*?)\n\}/s.exec(textOf(path))![1]!;
  let group = "";
  return [...body.matchAll(/^( {2}| {4})readonly (\w+)\?: ?(\{$)?/gm)].flatMap(([, indent, name, opens]) => {
    if (indent!.length === 4) return [`${group}.${name}`];
    group = name!;
    return opens === undefined ? [name!] : [];
  });
};
