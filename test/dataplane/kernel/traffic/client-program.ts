/** A program: a client. It reads one job a line from its standard input, and prints a JSON list of attempts for each. */
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, Job } from "./job.ts";

let held: Socket | undefined;

/** One connection, until a line has come. */
function tcp({ host, port, timeoutMs }: Job, local: string | undefined): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(local === undefined ? {} : { localAddress: local }) });
    const end = (attempt: Attempt): void => {
      clearTimeout(late);
      socket.destroy();
      resolve({ ...(local === undefined ? {} : { local }), ...attempt });
    };
    const late = setTimeout(() => end({ error: "timeout" }), timeoutMs);
    socket.on("error", (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }));
    onLine(socket, end);
  });
}

function onLine(socket: Socket, call: (attempt: Attempt) => void): void {
  let text = "";
  const read = (data: Buffer): void => {
    text += data.toString();
    if (!text.includes("\n")) return;
    socket.off("data", read);
    call(JSON.parse(text) as Attempt);
  };
  socket.on("data", read);
}

/** One socket that sends one datagram. */
function udp(job: Job, local: string | undefined): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = openDatagrams(job);
    const end = (attempt: Attempt): void => {
      clearTimeout(late);
      socket.close();
      resolve({ ...(local === undefined ? {} : { local }), ...attempt });
    };
    const late = setTimeout(() => end({ error: "timeout" }), job.timeoutMs);
    let ended = false;
    const once = (attempt: Attempt): void => {
      if (!ended) end(attempt);
      ended = true;
    };
    socket.on("error", (error: NodeJS.ErrnoException) => once({ error: error.code ?? error.message }));
    socket.on("message", (data) => once(JSON.parse(data.toString()) as Attempt));
    socket.bind(0, local, () =>
      socket.connect(job.port, job.host, () =>
        socket.send("x", (error) => {
          if (error !== null) once({ error: (error as NodeJS.ErrnoException).code ?? error.message });
        }),
      ),
    );
  });
}

function openDatagrams({ host }: Job): Datagrams {
  return createSocket(host.includes(":") ? "udp6" : "udp4");
}

async function many(job: Job, one: typeof tcp): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < job.attempts) {
      const index = next;
      next += 1;
      attempts[index] = await one(job, job.locals[index % job.locals.length]);
      if (job.gapMs > 0) await sleep(job.gapMs);
    }
  };
  await Promise.all(Array.from({ length: job.concurrency }, work));
  return attempts;
}

/** @returns who answered each datagram; refusals in between are passed over. */
async function stream(job: Job): Promise<readonly Attempt[]> {
  const socket = openDatagrams(job);
  const answers: Attempt[] = [];
  socket.on("message", (data) => answers.push(JSON.parse(data.toString()) as Attempt));
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.bind(0, job.locals[0], resolve));
  for (let sent = 0; sent < job.attempts; sent += 1) {
    socket.send("x", job.port, job.host, () => {});
    await sleep(job.gapMs);
  }
  socket.close();
  return answers;
}

function hold({ host, port }: Job): Promise<readonly Attempt[]> {
  const socket = connect({ host, port });
  held = socket;
  return new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve([{ error: error.code ?? error.message }]));
    onLine(socket, (attempt) => resolve([attempt]));
  });
}

function sayOnHeld(): Promise<readonly Attempt[]> {
  return new Promise((resolve) => {
    held!.on("close", () => resolve([{ error: "closed" }]));
    onLine(held!, (attempt) => {
      resolve([attempt]);
      held!.destroy();
    });
    held!.write("second");
  });
}

function perform(job: Job): Promise<readonly Attempt[]> {
  switch (job.op) {
    case "tcp":
      return many(job, tcp);
    case "udp":
      return many(job, udp);
    case "stream":
      return stream(job);
    case "hold":
      return hold(job);
    case "held":
      return sayOnHeld();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await perform(JSON.parse(line) as Job))}\n`);
}
