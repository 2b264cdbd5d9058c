import { type MillraceError, StoreError } from "../../core/errors.ts";

/** A question that is not answered, as HTTP says it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** What a question itself is to blame for. */
export const badRequest = (message: string): Refusal => new Refusal(400, "BAD_REQUEST", message);

/** What asking again in a moment may mend. */
export const unavailable = (code: string, message: string): Refusal => new Refusal(503, code, message, { "retry-after": "1" });

/** How HTTP says what the engine has refused; undefined for what is a fault of this side. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (error instanceof Refusal) return error;
  if (isEncodeFailure(error)) return badRequest(`This cannot be a key of the store: ${error.message}`);
  if (!(error instanceof StoreError)) return undefined;
  switch (error.code) {
    case "STORE_UNKNOWN":
      return new Refusal(404, error.code, error.message);
    case "STORE_NOT_READY":
      return unavailable(error.code, error.message);
    case "KEY_ELSEWHERE":
      return new Refusal(421, error.code, error.message);
    default:
      return undefined;
  }
};

const isEncodeFailure = (error: unknown): error is MillraceError => (error as Partial<MillraceError> | null)?.code === "ENCODE_FAILED";
