/** Large enough that there are few of them, small enough that moving what is left of one takes microseconds. */
const pageBytes = 65_536;
/** In front of each value: the number under which it is known, and how many bytes there are for it. */
const headBytes = 8;
/** Instead of the number, where the value has gone. */
const dead = -1;

class Page {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The same memory; values begin at multiples of four. */
  readonly words: Int32Array;
  used = 0;
  /** How much of it is taken by values that are still there. */
  live = 0;

  constructor(index: number, bytes: number) {
    this.index = index;
    this.bytes = new Uint8Array(bytes);
    this.words = new Int32Array(this.bytes.buffer);
  }
}

/**
 * Values of any length, each under a number, in few large arrays: a million small arrays would cost the collector more than all the rest of a commit, and each of them four times its own length.
 *
 * A value that still fits is overwritten where it stands. Otherwise it goes to the end of the open page; a page of which less than half is still there is emptied into the open one and let go, so memory is at
 * most about twice what is stored, and each byte is moved about once for each byte that goes.
 */
export class ValuePages {
  readonly #pages: (Page | undefined)[] = [];
  readonly #freePages: number[] = [];
  readonly #freeNumbers: number[] = [];
  #open: Page | undefined;
  #count = 0;
  /** By number: the page, the place in it, the length. */
  #places = new Int32Array(3 * 64);

  /** Keeps a copy under a new number. */
  add(value: Uint8Array): number {
    const number = this.#freeNumbers.pop() ?? this.#count++;
    if (3 * number === this.#places.length) {
      const grown = new Int32Array(2 * this.#places.length);
      grown.set(this.#places);
      this.#places = grown;
    }
    this.#write(number, value);
    return number;
  }

  /** Another value under the same number. */
  set(number: number, value: Uint8Array): void {
    const places = this.#places;
    const page = this.#pages[places[3 * number]!]!;
    const at = places[3 * number + 1]!;
    const room = page.words[(at >> 2) + 1]!;
    // A value that has become much smaller gives back what it does not need.
    if (value.length <= room && (room <= 64 || room < 4 * value.length)) {
      page.bytes.set(value, at + headBytes);
      places[3 * number + 2] = value.length;
      return;
    }
    this.#release(page, at);
    this.#write(number, value);
  }

  /** A copy of the value. */
  get(number: number): Uint8Array {
    const places = this.#places;
    const start = places[3 * number + 1]! + headBytes;
    return this.#pages[places[3 * number]!]!.bytes.slice(start, start + places[3 * number + 2]!);
  }

  delete(number: number): void {
    const page = this.#pages[this.#places[3 * number]!]!;
    this.#release(page, this.#places[3 * number + 1]!);
    this.#freeNumbers.push(number);
  }

  clear(): void {
    this.#pages.length = 0;
    this.#freePages.length = 0;
    this.#freeNumbers.length = 0;
    this.#open = undefined;
    this.#count = 0;
    this.#places = new Int32Array(3 * 64);
  }

  /** What the pages take. */
  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + (page?.bytes.length ?? 0), 0);
  }

  #write(number: number, value: Uint8Array): void {
    const room = (value.length + 3) & ~3;
    const page = this.#pageFor(headBytes + room);
    const at = page.used;
    page.words[at >> 2] = number;
    page.words[(at >> 2) + 1] = room;
    page.bytes.set(value, at + headBytes);
    page.used += headBytes + room;
    page.live += headBytes + room;
    this.#places[3 * number] = page.index;
    this.#places[3 * number + 1] = at;
    this.#places[3 * number + 2] = value.length;
  }

  #pageFor(bytes: number): Page {
    // What would fill a good part of a page has one of its own.
    if (bytes > pageBytes / 4) return this.#newPage(bytes);
    if (this.#open === undefined || this.#open.used + bytes > pageBytes) this.#open = this.#newPage(pageBytes);
    return this.#open;
  }

  #newPage(bytes: number): Page {
    const index = this.#freePages.pop() ?? this.#pages.length;
    const page = new Page(index, bytes);
    this.#pages[index] = page;
    return page;
  }

  #release(page: Page, at: number): void {
    page.words[at >> 2] = dead;
    page.live -= headBytes + page.words[(at >> 2) + 1]!;
    if (page === this.#open || page.live * 2 >= page.used) return;
    const { bytes, words, used } = page;
    for (let from = 0; from < used; ) {
      const number = words[from >> 2]!;
      const start = from + headBytes;
      if (number !== dead) this.#write(number, bytes.subarray(start, start + this.#places[3 * number + 2]!));
      from = start + words[(from >> 2) + 1]!;
    }
    this.#pages[page.index] = undefined;
    this.#freePages.push(page.index);
  }
}
