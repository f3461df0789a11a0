/** Messages of one sender, each taken by one who waits for it, in order. */
export interface Inbox<Message> {
  put(message: Message): void;
  /** Whoever waits, and whoever asks from now on, hears of it. Only the first failure counts. */
  fail(error: Error): void;
  /** The next message. Rejects when the sender has failed. */
  next(): Promise<Message>;
}

interface Waiting<Message> {
  resolve(message: Message): void;
  reject(error: Error): void;
}

/** Makes one; a message that nobody waits for is lost. */
export function createInbox<Message>(): Inbox<Message> {
  const waiting: Waiting<Message>[] = [];
  let failure: Error | undefined;
  return {
    put: (message) => waiting.shift()?.resolve(message),
    fail(error) {
      failure ??= error;
      for (const one of waiting.splice(0)) one.reject(failure);
    },
    next: () =>
      new Promise((resolve, reject) => {
        if (failure === undefined) waiting.push({ resolve, reject });
        else reject(failure);
      }),
  };
}
