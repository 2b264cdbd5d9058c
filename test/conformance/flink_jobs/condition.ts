/** What the events of patterns look like. */
export interface Event {
  readonly id: number;
  readonly type: string;
  readonly amount: number;
}

type Value = number | string | boolean | null;
type Expression = (event: Event, soFar: Readonly<Record<string, unknown>>) => Value;

/** A condition of a pattern as a function: `||`, `&&`, comparisons, `+`, `-`, and count, sum, first, last, max over the events that a step has taken so far. */
export const condition = (text: string): ((event: Event, soFar: unknown) => boolean) => {
  const tokens = text.match(/'[^']*'|\d+|[A-Za-z]+|\|\||&&|[<>=!]=|[<>+\-().]/g) ?? [];
  let at = 0;
  const peek = () => tokens[at];
  const take = (wanted?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`Cannot read the condition ${text} at token ${at}: ${token}`);
    return token;
  };
  const chain = (operand: () => Expression, operators: Readonly<Record<string, (a: Value, b: Value) => Value>>) => (): Expression => {
    let left = operand();
    for (let operator = operators[peek() ?? ""]; operator !== undefined; operator = operators[peek() ?? ""]) {
      take();
      const [a, b, apply] = [left, operand(), operator];
      left = (event, soFar) => apply(a(event, soFar), b(event, soFar));
    }
    return left;
  };
  const unary = (): Expression => {
    const token = take();
    if (token === "(") {
      const inner = either();
      take(")");
      return inner;
    }
    if (/^\d/.test(token)) return () => Number(token);
    if (token.startsWith("'")) return () => token.slice(1, -1);
    if (token === "true" || token === "false") return () => token === "true";
    if (token === "value") {
      take(".");
      const field = take() as keyof Event;
      return (event) => event[field];
    }
    take("(");
    const step = take();
    let field: keyof Event | undefined;
    if (peek() === ".") {
      take(".");
      field = take() as keyof Event;
    }
    take(")");
    return (_event, soFar) =>
      over(
        token,
        taken<Event>(soFar[step]).map((event) => (field === undefined ? 0 : (event[field] as number))),
      );
  };
  const sums = chain(unary, { "+": (a, b) => (a as number) + (b as number), "-": (a, b) => (a as number) - (b as number) });
  const known = (compare: (a: any, b: any) => boolean) => (a: Value, b: Value) => a !== null && b !== null && compare(a, b);
  const comparisons = chain(sums, {
    "==": known((a, b) => a === b),
    "!=": known((a, b) => a !== b),
    "<": known((a, b) => a < b),
    ">": known((a, b) => a > b),
    "<=": known((a, b) => a <= b),
    ">=": known((a, b) => a >= b),
  });
  const both = chain(comparisons, { "&&": (a, b) => a === true && b === true });
  const either = chain(both, { "||": (a, b) => a === true || b === true });
  const expression = either();
  if (at < tokens.length) throw new Error(`Cannot read the condition ${text} from ${peek()} on`);
  return (event, soFar) => expression(event, (soFar ?? {}) as Record<string, unknown>) === true;
};

/** The events that stand under a name, whatever its shape. */
export const taken = <E>(value: unknown): readonly E[] => (value === undefined ? [] : Array.isArray(value) ? value : [value as E]);

const over = (name: string, values: readonly number[]): Value => {
  switch (name) {
    case "count":
      return values.length;
    case "sum":
      return values.reduce((sum, value) => sum + value, 0);
    case "first":
      return values[0] ?? null;
    case "last":
      return values.at(-1) ?? null;
    case "max":
      return values.length === 0 ? null : Math.max(...values);
    default:
      throw new Error(`There is no function ${name}`);
  }
};
