import { ErrorCode, errorNames } from './error-codes.ts';

export { ErrorCode, errorNames };

const BRAND = Symbol.for('topgun.error');

/**
 * What every refusal and failure of TopGun is thrown or reported as.
 *
 * @example
 * ```ts
 * import { ErrorCode, TopGunClient, TopGunError } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * try {
 *   client.getMap('notes').set('', 'a key must not be empty');
 * } catch (error) {
 *   if (error instanceof TopGunError && error.code === ErrorCode.InvalidArgument) {
 *     console.log(error.codeName); // invalid-argument
 *   }
 * }
 * await client.close();
 * ```
 */
export class TopGunError extends Error {
  /** Two copies of this package in one process recognise each other's errors. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** @internal */
  readonly [BRAND] = true;
  override readonly name = 'TopGunError';
  /** The stable number of `core/base/error.hpp`, one of {@link ErrorCode}. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail ? `${errorNames[code]}: ${detail}` : errorNames[code], options);
    this.code = code;
  }

  /** The stable spelling of the code, such as `clock-drift`. */
  get codeName(): string {
    return errorNames[this.code];
  }
}

/** The error for a number that came out of the engine; a number unknown to this build is ours. */
export function errorFromCode(code: number, detail?: string): TopGunError {
  if (code in errorNames) return new TopGunError(code as ErrorCode, detail);
  return new TopGunError(ErrorCode.Internal, `error ${code}${detail ? `: ${detail}` : ''}`);
}

/** `cause` itself if it is a TopGunError, otherwise a TopGunError around it. */
export function asTopGunError(cause: unknown, code: ErrorCode): TopGunError {
  if (cause instanceof TopGunError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new TopGunError(code, detail, { cause });
}
