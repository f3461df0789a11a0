/** A function that gives what it gave before for the very same object (`===`), as long as anybody has that object. */
export function remembering<K extends object, V extends object>(work: (about: K) => V): (about: K) => V {
  const memory = new WeakMap<K, V>();
  return (about) => {
    let done = memory.get(about);
    if (done === undefined) memory.set(about, (done = work(about)));
    return done;
  };
}
