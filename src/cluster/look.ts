import { stat } from "node:fs/promises";
import { findFollowable, type InputFiles } from "./input-files.ts";

/** Everything that tells whether files have changed, and the folders to be told of it. */
export interface Look {
  readonly fingerprint: string;
  /** By path; a folder that was replaced has another inode. Undefined while a file or folder is missing. */
  readonly folders: ReadonlyMap<string, bigint> | undefined;
}

/** Finds files and folders, and looks at them without reading them. It does not fail. */
export async function lookAt(paths: readonly string[]): Promise<Look> {
  try {
    return await lookAtInput(await findFollowable(paths));
  } catch (error) {
    // Not there at the moment: a state like any other, which loading will put into words.
    return { fingerprint: String(error), folders: undefined };
  }
}

/** Looks at files and folders that are known. @throws when one of them is gone. */
export async function lookAtInput({ files, folders }: InputFiles): Promise<Look> {
  const marks = await Promise.all(files.map(markOf));
  const inodes = await Promise.all(folders.map(inodeOf));
  return { fingerprint: [...marks, ...inodes].join("\n"), folders: new Map(inodes) };
}

async function inodeOf(folder: string): Promise<[path: string, inode: bigint]> {
  return [folder, (await stat(folder, { bigint: true })).ino];
}

async function markOf(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [file, dev, ino, size, mtimeNs, ctimeNs].join(" ");
}
