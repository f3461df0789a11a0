/**
 * Where the code of a worker thread lies: beside the module that starts it, compiled if that is compiled.
 *
 * @param importMetaUrl `import.meta.url` of the module that starts the thread.
 * @param name the file's name without its extension.
 */
export function threadFile(importMetaUrl: string, name: string): URL {
  const extension = importMetaUrl.endsWith(".ts") ? ".ts" : ".js";
  return new URL(`./${name}${extension}`, importMetaUrl);
}
