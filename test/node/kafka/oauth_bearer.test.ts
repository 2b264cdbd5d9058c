import { describe, expect, it } from "@jest/globals";
import { VirtualClock } from "../../../core/time_source/mod.ts";
import { type Exchange, logInWithToken, type OAuthToken, sharedTokens } from "../../../node/kafka/oauth_bearer.ts";

const minute = 60_000;

/** A provider of numbered tokens. */
const provider = (more: (n: number) => Partial<OAuthToken> = () => ({})) => {
  let asked = 0;
  return { ask: async (): Promise<OAuthToken> => ({ value: `token-${++asked}`, ...more(asked) }), times: () => asked };
};

describe("tokens", () => {
  it("are asked for at each login when nobody knows when they end", async () => {
    const { ask } = provider();
    const shared = sharedTokens(ask, new VirtualClock(), minute);
    expect([(await shared()).value, (await shared()).value]).toEqual(["token-1", "token-2"]);
  });

  it("serve all connections until shortly before they end", async () => {
    const clock = new VirtualClock();
    const { ask, times } = provider(() => ({ expiresAt: clock.now() + 10 * minute }));
    const shared = sharedTokens(ask, clock, minute);
    expect((await Promise.all([shared(), shared(), shared()])).map(({ value }) => value)).toEqual(["token-1", "token-1", "token-1"]);
    await clock.advance(9 * minute);
    expect((await shared()).value).toBe("token-1");
    // Half a minute before the end.
    await clock.advance(minute / 2);
    expect((await shared()).value).toBe("token-2");
    expect(times()).toBe(2);
  });

  it("are asked for again after a failure", async () => {
    let failing = true;
    const shared = sharedTokens(
      async () => {
        if (failing) throw new Error("the server is away");
        return { value: "at-last" };
      },
      new VirtualClock(),
      minute,
    );
    await expect(shared()).rejects.toMatchObject({
      code: "SASL_AUTHENTICATION_FAILED",
      disposition: "retriable",
      message: "Cannot get a token to log in with, as 'sasl.oauthBearerProvider' failed: the server is away",
    });
    failing = false;
    expect((await shared()).value).toBe("at-last");
  });

  it("are not waited for without end", async () => {
    const clock = new VirtualClock();
    const waiting = sharedTokens(() => new Promise(() => {}), clock, 3_000)();
    const refused = expect(waiting).rejects.toMatchObject({
      disposition: "retriable",
      message: expect.stringContaining("failed: No answer within 3000 ms"),
    });
    await clock.advance(3_000);
    await refused;
  });

  const wrong: readonly (readonly [what: string, token: unknown, message: RegExp])[] = [
    ["nothing", undefined, /as it is undefined: it has to resolve to/],
    ["the bare token", "SECRET", /as it is a string/],
    ["no value", {}, /as its 'value' is no text/],
    ["a token that would end its place in the message", { value: "SECRET\u0001admin=yes" }, /as its 'value' is no text of visible ASCII/],
    ["an end that is no number", { value: "SECRET", expiresAt: "2030" }, /as its 'expiresAt' is no number/],
    ["an extension that poses as the token", { value: "SECRET", extensions: { auth: "x" } }, /as its extension 'auth'/],
    ["an extension that adds another", { value: "SECRET", extensions: { a: "x\u0001b=y" } }, /as its extension 'a'/],
  ];
  for (const [what, token, message] of wrong)
    it(`are refused when there is ${what}, without showing it`, async () => {
      const shared = sharedTokens(async () => token as OAuthToken, new VirtualClock(), minute);
      const error = await shared().then(
        () => new Error("It was taken"),
        (thrown: Error) => thrown,
      );
      expect(error).toMatchObject({ name: "LogError", disposition: "configuration", message: expect.stringMatching(message) });
      expect(error.message).not.toContain("SECRET");
    });
});

describe("a login with a token", () => {
  /** A broker that answers with these, one after the other, and notes what it was told. */
  const broker = (...answers: readonly (string | Error)[]) => {
    const told: string[] = [];
    const left = [...answers];
    const exchange: Exchange = async ({ request, response }) => {
      const bytes = await request.encode();
      expect(bytes.readInt32BE()).toBe(bytes.length - 4);
      told.push(bytes.toString("utf8", 4));
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      const framed = Buffer.concat([Buffer.alloc(4), Buffer.from(answer ?? "")]);
      return response.parse(await response.decode(framed));
    };
    return { exchange, told };
  };

  it("tells the token and its extensions, and is in when the answer is empty", async () => {
    const { exchange, told } = broker("");
    await logInWithToken(async () => ({ value: "abc", extensions: { logicalCluster: "lkc-1" } }), exchange);
    expect(told).toEqual(["n,,\u0001auth=Bearer abc\u0001logicalCluster=lkc-1\u0001\u0001"]);
  });

  // kafkajs' own mechanism takes any answer for a yes, so that an expired token seems to be accepted.
  it("fails with what the broker says, and acknowledges that, when the answer is not empty", async () => {
    const { exchange, told } = broker('{"status":"invalid_token: abc"}', new Error("Authentication failed"));
    await expect(logInWithToken(async () => ({ value: "abc" }), exchange)).rejects.toMatchObject({
      name: "TokenRefused",
      message: '{"status":"invalid_token: the token"}',
    });
    expect(told[1]).toBe("\u0001");
  });
});
