/** Which numbers have come, a bit for each, so that a soak of days can remember all of them. */
export class Received {
  #bits = new Uint8Array(1 << 16);
  /** Different ones. */
  count = 0;
  doubled = 0;

  add(number: number): void {
    const at = number >> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bits.length, at + 1));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const bit = 1 << (number & 7);
    if ((this.#bits[at]! & bit) !== 0) this.doubled++;
    else this.count++;
    this.#bits[at]! |= bit;
  }

  /** How many of the first so many have not come. */
  missingOf(numbers: number): number {
    let missing = 0;
    for (let number = 0; number < numbers; number++) if (((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) === 0) missing++;
    return missing;
  }
}
