/**
 * A Dewey number: tells apart the partial matches that share events in the buffer (Agrawal et al., SIGMOD 2008, section 4.2). An event that is taken gets an edge to the one before, labelled with a version; those that
 * build upon this edge have versions with that label as their beginning.
 *
 * The rule that keeps it unambiguous: no version of a living run, and no label of two edges of one event, is the beginning of another. A run that has several ways to go on gives each a last digit of its own, counting up from
 * its own; whoever keeps counting on that level is the last of them, the others go a level down.
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
  if (version.length <= label.length) return false;
  for (let i = label.length - 1; i >= 0; i--) if (version[i] !== label[i]) return false;
  return true;
};
