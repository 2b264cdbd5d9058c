import { describe, expect, it } from "@jest/globals";
import { packageOf, readJson, type Source, sourcesIn } from "./sources.ts";

/** Offenders as sentences, so that a failure can be read without the test. */
const offenders = (sources: readonly Source[], complaint: (source: Source) => readonly string[]): readonly string[] =>
  sources.flatMap((source) => complaint(source).map((words) => `${source.path} ${words}`));

const layer = (path: string): string => path.split("/")[0]!;

describe("the layers", () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    core: ["core"],
    topology: ["topology", "core"],
    "mod.ts": ["topology", "core"],
    node: ["node", "mod.ts", "topology", "core"],
  };

  it("point one way: node to topology to core", () => {
    const sources = sourcesIn("core", "topology", "node", "mod.ts");
    expect(
      offenders(sources, ({ path, imports }) =>
        imports.flatMap(({ target, local }) =>
          local && !allowed[layer(path)]!.includes(layer(target)) ? [`imports ${target}, which is not below it`] : [],
        ),
      ),
    ).toEqual([]);
  });

  /** What stands higher may use what stands lower, or beside it; for types too, since they are what a reader has to know. */
  const ranks: Readonly<Record<string, number>> = {
    ports: 0,
    serde: 1,
    state: 2,
    time: 2,
    time_source: 2,
    operators: 3,
    window: 3,
    cep: 3,
    log: 3,
    runtime: 4,
  };
  const rank = (path: string): number => ranks[path.split("/")[1]!] ?? 0;

  it("within the core point one way: runtime to windows, patterns and operators, to state and time, to serdes, to ports", () => {
    expect(
      offenders(sourcesIn("core"), ({ path, imports }) =>
        imports.flatMap(({ target }) =>
          target.startsWith("core/") && rank(target) > rank(path) ? [`imports ${target}, which stands above it`] : [],
        ),
      ),
    ).toEqual([]);
  });

  it("have every folder of the core in its place", () => {
    const folders = new Set(sourcesIn("core").flatMap(({ path }) => (path.split("/").length > 2 ? [path.split("/")[1]!] : [])));
    expect([...folders].filter((folder) => ranks[folder] === undefined)).toEqual([]);
  });

  it("have no file that comes back to itself by what it imports", () => {
    const sources = sourcesIn("core", "topology", "node", "mod.ts");
    const next = new Map(
      sources.map(({ path, imports }) => [path, imports.filter(({ local, typeOnly }) => local && !typeOnly).map(({ target }) => target)]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
      else if (!done.has(path)) {
        for (const target of next.get(path) ?? []) walk(target, [...way, path]);
        done.add(path);
      }
    };
    for (const { path } of sources) walk(path, []);
    expect(circles).toEqual([]);
  });
});

describe("the neutral layers", () => {
  const neutral = sourcesIn("core", "topology", "mod.ts");

  it("import nothing of Node", () => {
    expect(
      offenders(neutral, ({ imports }) =>
        imports.flatMap(({ target, local }) => (!local && (target.startsWith("node:") || target === "bun") ? [`imports ${target}`] : [])),
      ),
    ).toEqual([]);
  });

  /** Where the world comes in, because somebody has to read the clock when a program runs without one of its own. */
  const doors: Readonly<Record<string, string>> = {
    "topology/platform.ts": "the machine's clock and chance, for programs that run embedded",
    "core/time_source/macrotasks.ts": "gives the event loop its turn, which is no time",
  };
  /** What reads a clock, starts a timer, throws dice or knows one runtime only. (Shadowed names such as a method called `process` are none of it; biome's noRestrictedGlobals knows scopes and checks the rest.) */
  const world: readonly (readonly [RegExp, string])[] = [
    [/\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w]|new )\bDate\(/, "reads the clock with Date"],
    [/(?<![.\w#])performance\s*\./, "reads the clock with performance"],
    [/(?<![.\w#])(setTimeout|setInterval|setImmediate)\b/, "starts a timer of its own"],
    [/\bMath\.random\b/, "throws dice with Math.random"],
    [/(?<![.\w#])crypto\s*\./, "throws dice with crypto"],
    [
      /(?<![.\w#])process\s*\.\s*(env|argv|exit|hrtime|nextTick|on|once|cwd|pid|memoryUsage|stdout|stderr|versions)\b/,
      "uses Node's process",
    ],
    [/(?<![.\w#])Buffer\b/, "uses Node's Buffer"],
    [/(?<![.\w#])(Deno|Bun)\s*\./, "uses one runtime's own object"],
  ];

  it("read no clock, start no timer, throw no dice and use nothing that one runtime alone has", () => {
    const inside = neutral.filter(({ path }) => doors[path] === undefined);
    expect(offenders(inside, ({ code }) => world.flatMap(([use, words]) => (use.test(code) ? [words] : [])))).toEqual([]);
  });

  it("have only doors that are used", () => {
    const used = neutral
      .filter(({ path, code }) => doors[path] !== undefined && world.some(([use]) => use.test(code)))
      .map(({ path }) => path);
    expect(used.sort()).toEqual(Object.keys(doors).sort());
  });

  it("have tests that run everywhere: they import jest's globals, fast-check and each other, and nothing of Node", () => {
    const tests = sourcesIn("test/core", "test/topology");
    const support = new Map(sourcesIn("test/support").map((source) => [source.path, source]));
    const used = new Set(tests.flatMap(({ imports }) => imports.flatMap(({ target }) => support.get(target) ?? [])));
    for (const source of used) for (const { target } of source.imports) if (support.has(target)) used.add(support.get(target)!);
    expect(
      offenders([...tests, ...used], ({ imports }) =>
        imports.flatMap(({ target, local }) => {
          if (local) return layer(target) === "node" ? [`imports ${target}, which is Node's`] : [];
          return ["@jest/globals", "fast-check"].includes(target) || packageOf(target) === "fp-ts" ? [] : [`imports ${target}`];
        }),
      ),
    ).toEqual([]);
  });
});

describe("the conformance runner", () => {
  it("knows the library by its public names only", () => {
    expect(
      offenders(sourcesIn("test/conformance"), ({ imports }) =>
        imports.flatMap(({ target, local }) => {
          const known = local
            ? target.startsWith("test/conformance/")
            : ["millrace", "millrace/testing", "@jest/globals", "fast-check"].includes(target) || target.startsWith("node:");
          return known ? [] : [`imports ${target}`];
        }),
      ),
    ).toEqual([]);
  });
});

describe("what is not ours", () => {
  const sources = sourcesIn("core", "topology", "node", "mod.ts");
  const own = ["millrace", "@millrace/millrace"];
  const importers = new Map<string, Set<string>>();
  for (const { path, imports } of sources)
    for (const { target, local } of imports) {
      if (local || target.startsWith("node:") || own.includes(packageOf(target))) continue;
      const name = packageOf(target);
      importers.set(name, (importers.get(name) ?? new Set()).add(path));
    }
  const manifest = readJson("package.json");

  it("is imported by one file each, so that one file changes when it is replaced; but for fp-ts, whose Either is part of our own words", () => {
    const shared = [...importers].filter(([name, files]) => name !== "fp-ts" && files.size > 1);
    expect(shared.map(([name, files]) => `${name} is imported by ${[...files].join(" and ")}`)).toEqual([]);
  });

  it("is declared in package.json where it is used", () => {
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
    expect([...importers.keys()].filter((name) => declared[name] === undefined)).toEqual([]);
  });

  it("is used where it is declared", () => {
    expect(Object.keys(manifest.dependencies).filter((name) => !importers.has(name))).toEqual([]);
  });

  it("has an exact version", () => {
    expect(Object.entries<string>(manifest.dependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe("the package", () => {
  const npm = readJson("package.json");
  const deno = readJson("deno.json");

  it("offers the same to npm and to Deno, but for what is for jest, which Deno does not run", () => {
    const asSource = (built: string): string => built.replace("./dist/", "./").replace(/\.js$/, ".ts");
    const offered = Object.fromEntries(
      Object.entries<{ default: string }>(npm.exports).map(([name, { default: built }]) => [name, asSource(built)]),
    );
    expect(offered).toEqual({ ...deno.exports, "./testing/jest": "./node/jest/extend_expect.ts" });
  });

  it("offers types beside each file", () => {
    for (const [name, { types, default: built }] of Object.entries<{ types: string; default: string }>(npm.exports))
      expect([name, types]).toEqual([name, built.replace(/\.js$/, ".d.ts")]);
  });

  it("has one version", () => {
    expect(deno.version).toBe(npm.version);
  });

  it("has faces that export and do nothing else", () => {
    const faces = [...sourcesIn("mod.ts"), ...sourcesIn("core", "topology", "node").filter(({ path }) => path.endsWith("/mod.ts"))];
    expect(
      offenders(faces, ({ code }) => {
        const rest = code.replace(/\b(?:export|import)\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s*from\s*""\s*;/g, "").trim();
        return rest === "" ? [] : [`does more than export: ${rest.slice(0, 60)}`];
      }),
    ).toEqual([]);
  });
});
