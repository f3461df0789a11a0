import { SluiceError } from "../../../core/errors.ts";
import { type Ip, tryParseIp } from "../../../net/ip.ts";
import { type Connection, openConnection, type Tuple, tupleKey, turned } from "./connection.ts";
import { protocolNumber } from "./iptables/protocol-number.ts";

/**
 * Reads the text of `conntrack -L`, also with `-o extended`, and of /proc/net/nf_conntrack. Lines of connections are
 * kept, but for those of other zones than 0; `#` begins a comment, and the closing line of the tool is passed over.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function parseConntrack(text: string, file = "conntrack -L"): readonly Connection[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const isOther = line.trim() === "" || line.startsWith("#") || line.startsWith("conntrack v");
    if (isOther) return [];
    const connection = new LineReader(file, line, index + 1).read();
    // Packets are of zone 0 as long as no rule says otherwise, and zones know nothing of each other.
    return /\szone(?:-orig)?=[1-9]/.test(line) ? [] : [connection];
  });
}

interface Word {
  readonly text: string;
  /** Counted from 1. */
  readonly column: number;
}

class LineReader {
  readonly #file: string;
  readonly #line: number;
  readonly #words: readonly Word[];
  readonly #end: number;

  constructor(file: string, text: string, line: number) {
    this.#file = file;
    this.#line = line;
    this.#words = [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], column: match.index + 1 }));
    this.#end = text.length + 1;
  }

  /** `[ipv4 2] tcp 6 86397 ESTABLISHED src=… dst=… sport=… dport=… [UNREPLIED] src=… … [ASSURED] mark=0 use=1` */
  read(): Connection {
    const words = this.#words;
    const from = words[0]?.text === "ipv4" || words[0]?.text === "ipv6" ? 2 : 0;
    const proto = protocolNumber(words[from]?.text ?? "") ?? this.#protocol(words[from], words[from + 1]);
    const fields = words.slice(from).filter(({ text }) => text.includes("="));
    const firstField = words.findIndex(({ text }) => text.includes("="));
    const state = words
      .slice(from + 2, Math.max(firstField, from + 2))
      .find(({ text }) => /^[A-Z_0-9]*[A-Z]/.test(text));
    const second = fields.findIndex(({ text }, at) => at > 0 && text.startsWith("src="));
    const original = this.#tuple(proto, second < 0 ? fields : fields.slice(0, second));
    const reply = second < 0 ? turned(original) : this.#tuple(proto, fields.slice(second));
    const flags = new Set(words.map(({ text }) => text));
    const time = words[from + 2]?.text ?? "";
    return {
      ...openConnection(original),
      reply,
      mark: this.#mark(fields),
      assured: flags.has("[ASSURED]"),
      ...(/^\d{1,10}$/.test(time) ? { leftSeconds: Number(time) } : {}),
      replied: !flags.has("[UNREPLIED]") && second >= 0,
      tcpState: proto === 6 ? (state?.text ?? "") : "",
      dnat: tupleKey({ ...reply, dst: original.src, dstPort: original.srcPort }) !== tupleKey(turned(original)),
      snat: tupleKey({ ...turned(original), dst: reply.dst, dstPort: reply.dstPort }) !== tupleKey(turned(original)),
      dstBound: true,
      srcBound: true,
    };
  }

  /** Of a name that is not known here: `unknown 2`. */
  #protocol(name: Word | undefined, number: Word | undefined): number {
    const isNumber = number !== undefined && /^\d{1,3}$/.test(number.text);
    return isNumber ? Number(number.text) : this.#fail(name, "a line of conntrack -L, such as tcp 6 …");
  }

  #mark(fields: readonly Word[]): number {
    const field = fields.find(({ text }) => text.startsWith("mark="));
    return field === undefined ? 0 : this.#number({ text: field.text.slice(5), column: field.column + 5 });
  }

  #tuple(proto: number, fields: readonly Word[]): Tuple {
    // ICMP has no ports; its identifier tells connections apart in their place.
    const port = (name: string): number =>
      this.#optional(fields, name) ?? (proto === 1 || proto === 58 ? (this.#optional(fields, "id") ?? 0) : 0);
    return {
      proto,
      src: this.#address(fields, "src"),
      srcPort: port("sport"),
      dst: this.#address(fields, "dst"),
      dstPort: port("dport"),
    };
  }

  #optional(fields: readonly Word[], name: string): number | undefined {
    const field = fields.find(({ text }) => text.startsWith(`${name}=`));
    if (field === undefined) return undefined;
    const skipped = name.length + 1;
    return this.#number({ text: field.text.slice(skipped), column: field.column + skipped });
  }

  #address(fields: readonly Word[], name: string): Ip {
    const field = fields.find(({ text }) => text.startsWith(`${name}=`));
    const ip = field === undefined ? undefined : tryParseIp(field.text.slice(name.length + 1));
    return ip ?? this.#fail(field, `${name}= with an address`);
  }

  #number(word: Word | undefined): number {
    const value = Number(word?.text);
    if (word === undefined || !/^\d{1,10}$/.test(word.text) || value > 0xffff_ffff) this.#fail(word, "a number");
    return value;
  }

  #fail(word: Word | undefined, expected: string): never {
    const column = word?.column ?? this.#end;
    const received = word === undefined ? "the end" : JSON.stringify(word.text);
    const place = { file: this.#file, line: this.#line, column };
    throw new SluiceError(
      "INPUT_INVALID",
      `${this.#file}:${this.#line}:${column}: expected ${expected}, got ${received}`,
      { ...place, field: "connection", expected, received },
    );
  }
}
