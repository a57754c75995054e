/**
 * The bytes of a buffer or of any view of one; `undefined` for any other value. Does not use `instanceof`, because a
 * buffer may come from another realm (a frame, a test's page, Node's `vm`), which has other constructors.
 *
 * @throws TypeError if the buffer is detached
 */
export function bytesOf(data: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }
  const isBuffer = /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(data));
  return isBuffer ? new Uint8Array(data as ArrayBuffer) : undefined;
}
