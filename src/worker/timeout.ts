/** Waits for a call, and throws after the timeout. The call itself continues. */
export async function withTimeout<Value>(timeoutMs: number, call: Promise<Value>): Promise<Value> {
  const expiry = Promise.withResolvers<never>();
  const timer = setTimeout(() => expiry.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([call, expiry.promise]);
  } finally {
    clearTimeout(timer);
  }
}
