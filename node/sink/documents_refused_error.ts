import { ProduceError } from "../../core/errors.ts";

/** A document that the index will never take as it is. */
export interface RefusedDocument {
  /** Its place in the batch that was to be written. */
  readonly position: number;
  /** Undefined when not even the id could be made. */
  readonly id: string | undefined;
  /** HTTP status of this document alone; undefined when it never reached the server. */
  readonly status: number | undefined;
  readonly reason: string;
}

/** Some documents of a batch were refused for good; all others of the batch are written. Skip those, or mend the values or the index. */
export class DocumentsRefusedError extends ProduceError {
  readonly refused: readonly RefusedDocument[];

  constructor(index: string, documents: number, refused: readonly RefusedDocument[]) {
    const named = refused.slice(0, namedMax).map(({ position, id, status, reason }) => {
      const which = id === undefined ? `record ${position} of the batch` : `'${id}'`;
      return `${which} (${status === undefined ? "not sent" : `status ${status}`}: ${reason.replaceAll(/\s+/g, " ")})`;
    });
    const rest = refused.length > named.length ? ` and ${refused.length - named.length} more` : "";
    super("RECORD_REFUSED", `Index '${index}' cannot take ${refused.length} of ${documents} documents: ${named.join(", ")}${rest}`);
    this.refused = refused;
  }
}

const namedMax = 5;
