import { readAddr } from "./read-addr.ts";
import { linesOf, wholeNumber, type Words } from "./words.ts";

/** Lines that only `ipvsadm -L -n` prints. */
const LISTING = /^(?:IP Virtual Server version|Prot LocalAddress:Port|(?:TCP|UDP|SCTP|FWM)\s)/m;
const options: Readonly<Record<string, string>> = { TCP: "-t", UDP: "-u", SCTP: "--sctp-service", FWM: "-f" };
const ways: Readonly<Record<string, string>> = { Masq: "-m", Route: "-g", Local: "-g", Tunnel: "-i" };

/**
 * What `ipvsadm -L -n` shows, in the words of `ipvsadm -S -n`, line for line. Any other text is left as it is. The
 * listing lacks thresholds and the kinds of tunnels.
 *
 * @throws {SluiceError} INPUT_INVALID with line and column, also for a listing of other columns.
 */
export function commandsOfListing(text: string, file: string): string {
  if (!LISTING.test(text)) return text;
  const commands = text.split("\n").map(() => "");
  let service = "";
  for (const words of linesOf(text, file)) {
    const first = words.next("", "a virtual server");
    const option = options[first.text];
    if (option !== undefined) {
      service = readService(words, option);
      commands[words.line - 1] = `-A ${service} ${readSettings(words)}`;
    } else if (first.text === "->" && words.peek() !== "RemoteAddress:Port") {
      if (service === "") throw words.invalid(first, "", "a virtual server before");
      commands[words.line - 1] = `-a ${service} ${readServer(words)}`;
    } else if (first.text === "Prot" && words.next("", "LocalAddress:Port") && words.peek() !== "Scheduler") {
      throw words.invalid(words.word(), "", "Scheduler, as ipvsadm -L -n prints it, or the text of ipvsadm -S -n");
    } else if (!/^(?:IP|Prot|->)$/.test(first.text)) throw words.invalid(first, "", "a line of ipvsadm -L -n");
  }
  return commands.join("\n");
}

function readService(words: Words, option: string): string {
  if (option !== "-f") return `${option} ${readPlace(words, "service")}`;
  const mark = words.next("mark", "a number").text;
  return `-f ${mark}${words.skip("IPv6") ? " -6" : ""}`;
}

function readPlace(words: Words, field: string): string {
  return words.read(field, "an address and a port as numbers (ipvsadm -L -n)", (text) =>
    readAddr(text) === undefined ? undefined : text,
  );
}

/** `rr (flag-1) persistent 10800 mask 255.255.255.0 pe sip ops` */
function readSettings(words: Words): string {
  const settings = [`-s ${words.next("scheduler", "a scheduler").text}`];
  while (words.peek() !== undefined) {
    const { text } = words.next("flag", "a flag");
    if (text === "persistent") settings.push(`-p ${words.next("persistence", "a number of seconds").text}`);
    else if (text === "mask") settings.push(`-M ${words.next("mask", "a mask").text}`);
    else if (text === "pe") settings.push(`--pe ${words.next("engine", "an engine").text}`);
    else if (text === "ops") settings.push("-o");
    else settings.push(`-b ${text.replace(/^\((.*)\)$/, "$1")}`);
  }
  return settings.join(" ");
}

function readServer(words: Words): string {
  const place = readPlace(words, "server");
  const way = words.read("forwarding", "Masq, Route, Local or Tunnel", (text) => ways[text]);
  const weight = words.read("weight", "a number in 0…65535", wholeNumber(0, 65535));
  return `-r ${place} ${way} -w ${weight}`;
}
