/** What the things of a list came to: one that stands where it stood before is found without a search. */
export interface PlaceMemory<K extends object, V> {
  get(thing: K, place: number): V | undefined;
  set(thing: K, place: number, value: V): void;
  /** Only places below this one are remembered; what a thing came to is known as long as anybody has the thing. */
  cut(places: number): void;
}

export function createPlaceMemory<K extends object, V>(): PlaceMemory<K, V> {
  const everywhere = new WeakMap<K, V>();
  const things: K[] = [];
  const values: V[] = [];
  const stand = (thing: K, place: number, value: V): void => {
    things[place] = thing;
    values[place] = value;
  };
  return {
    get(thing, place) {
      if (things[place] === thing) return values[place];
      const value = everywhere.get(thing);
      if (value !== undefined) stand(thing, place, value);
      return value;
    },
    set(thing, place, value) {
      everywhere.set(thing, value);
      stand(thing, place, value);
    },
    cut(places) {
      things.length = Math.min(things.length, places);
      values.length = things.length;
    },
  };
}
