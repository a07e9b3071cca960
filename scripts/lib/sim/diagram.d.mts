// For the simulator's page, which is TypeScript and draws the same pictures.

export const kStyle: string;
export function spaceTime(
  events: readonly object[],
  nameOf?: (client: number) => string,
): { svg: string; failure: object | undefined; left_out: number };
