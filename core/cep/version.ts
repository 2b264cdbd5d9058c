/**
 * A Dewey number: tells apart the partial matches that share events in the buffer (Agrawal et al., SIGMOD 2008, section 4.2). An event that is taken gets an edge to the one before, labelled with a version; those that
 * build upon this edge have versions with that label as their beginning, or have the same beginning and went on counting from there.
 */
export type Version = readonly number[];

/** The n-th way of a run to go on. */
export const branch = (version: Version, n: number): Version => {
  if (n === 0) return version;
  const branched = version.slice();
  branched[branched.length - 1]! += n;
  return branched;
};

/** A level down, where counting begins anew. */
export const below = (version: Version): Version => [...version, 0];

/** Whether what has this version builds upon the edge with that label. */
export const buildsUpon = (version: Version, label: Version): boolean => {
  const last = label.length - 1;
  if (version.length <= last) return false;
  // From the front, where those of different partial matches differ; behind that most places are zero.
  for (let i = 0; i < last; i++) if (version[i] !== label[i]) return false;
  return version.length === label.length ? version[last]! >= label[last]! : version[last] === label[last];
};
