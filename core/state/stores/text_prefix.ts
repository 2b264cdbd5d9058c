/** What the bytes of all texts begin with that begin with this one, as far as keys are written: some serdes end a text with a mark, as JSON does, which the bytes of the text itself would end with too. */
export const textPrefix = (text: string, encode: (key: string) => Uint8Array): Uint8Array => {
  const [a, b] = [encode(`${text}a`), encode(`${text}b`)];
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.subarray(0, length);
};
