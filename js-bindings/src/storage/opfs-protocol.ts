/** What the page asks of the OPFS worker. */
export type OpfsRequest =
  | { readonly type: 'open'; readonly name: string }
  | { readonly type: 'load' }
  | { readonly type: 'transact'; readonly changes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'close' };

/** A request with the number that its reply carries. */
export interface OpfsMessage {
  readonly id: number;
  readonly request: OpfsRequest;
}

/** The reply to one request: bytes (rows for `load`, otherwise none), or an error's number. */
export type OpfsReply =
  | { readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: number; readonly detail: string };
