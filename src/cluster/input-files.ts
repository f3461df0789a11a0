import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SluiceError } from "../core/errors.ts";

/** The path that stands for standard input. */
export const STDIN = "-";

/** What some paths stand for. */
export interface InputFiles {
  /** In the order in which they are read; `-` for standard input. */
  readonly files: readonly string[];
  /** The folders in which a file may come, go or be replaced. */
  readonly folders: readonly string[];
}

/**
 * Lists what the paths stand for: a file as it is; a folder as the `*.yaml`, `*.yml` and `*.json` in it and in its
 * folders, in order of name. Links are followed, but not in circles. In a folder, names that begin with a dot are left
 * out: editors and mounted volumes keep their own things there.
 *
 * @throws {SluiceError} INPUT_UNREADABLE for what is not there or may not be read, and for a folder without such a file.
 */
export async function findInput(paths: readonly string[]): Promise<InputFiles> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const path of paths) {
    if (path === STDIN) files.push(path);
    else if (await isFolder(path)) {
      const within = await walk(path, []);
      if (within.files.length === 0) throw unreadable(path, "no *.yaml, *.yml or *.json in this folder");
      files.push(...within.files);
      folders.push(...within.folders);
    } else {
      files.push(path);
      folders.push(dirname(path));
    }
  }
  return { files, folders };
}

/**
 * As `findInput`, for input that is to be read again and again.
 *
 * @throws {SluiceError} as `findInput`; also INPUT_UNREADABLE for what is neither a regular file nor a folder: a pipe or
 *   a process substitution can be read once, and is empty ever after.
 */
export async function findFollowable(paths: readonly string[]): Promise<InputFiles> {
  const input = await findInput(paths);
  for (const file of input.files) {
    if (!(await isRegular(file)))
      throw unreadable(file, "neither a regular file nor a folder, so it cannot be followed");
  }
  return input;
}

/** Reads a file, or standard input, to its end. @throws {SluiceError} INPUT_UNREADABLE */
export function readInput(file: string, stdin: () => Promise<Buffer> = readStdin): Promise<Buffer> {
  return reading(file, file === STDIN ? stdin : () => readFile(file));
}

/** @param around the real paths of the folders that this one lies in. */
async function walk(folder: string, around: readonly string[]): Promise<InputFiles> {
  const files: string[] = [];
  const folders: string[] = [folder];
  const real = await reading(folder, () => realpath(folder));
  const names = around.includes(real) ? [] : await reading(folder, () => readdir(folder, { withFileTypes: true }));
  for (const entry of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) {
      const within = await walk(path, [...around, real]);
      files.push(...within.files);
      folders.push(...within.folders);
    } else if (/\.(?:yaml|yml|json)$/.test(entry.name)) files.push(path);
  }
  return { files, folders };
}

async function isFolder(path: string): Promise<boolean> {
  return (await reading(path, () => stat(path))).isDirectory();
}

async function isRegular(path: string): Promise<boolean> {
  return (await reading(path, () => stat(path))).isFile();
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** @throws {SluiceError} INPUT_UNREADABLE in place of what the system says. */
export async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw unreadable(file, reasonOf(cause as NodeJS.ErrnoException), cause);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "no such file or folder";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return message;
}

export function unreadable(file: string, reason: string, cause?: unknown): SluiceError<"INPUT_UNREADABLE"> {
  return new SluiceError("INPUT_UNREADABLE", `${file}: ${reason}`, { file, reason }, { cause });
}
