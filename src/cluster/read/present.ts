/** The same fields, without those that may be undefined: they are optional instead. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Drops the fields that are undefined, so that an unset field is missing and not there with no value. */
export function present<T extends object>(fields: T): Present<T> {
  const set: Partial<T> = {};
  for (const key of Object.keys(fields) as (keyof T)[]) if (fields[key] !== undefined) set[key] = fields[key];
  return set as unknown as Present<T>;
}
