/** The page or worker itself. */
export async function firstUse() {
  return 'value';
}
