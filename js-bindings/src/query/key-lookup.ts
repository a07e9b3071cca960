import type { Attribute } from './field.js';
import type { QueryPlan } from './query.js';

/**
 * The key that a query names, if it asks this replica for nothing but its record. The mirror of the map answers it
 * then: no plan is made, and the engine is not called.
 */
export function keyAsked({ relation, scope, shape }: QueryPlan): string | undefined {
  const [only, ...others] = shape.where;
  if (only === undefined || others.length > 0 || scope === 'server' || relation.isView) return undefined;
  if (only.op !== 'eq' || typeof only.value !== 'string' || !isKey(only.attribute)) return undefined;
  const { offset, limit, after, groupBy, aggregates, joins, hint } = shape;
  if (groupBy.length + aggregates.length + joins.length + offset > 0) return undefined;
  if (limit === 0 || after !== undefined) return undefined;
  // Wishes are for the planner to follow or to refuse.
  return Object.keys(hint).length === 0 ? only.value : undefined;
}

function isKey(attribute: Attribute): boolean {
  const name = typeof attribute === 'string' || attribute.length !== 1 ? attribute : attribute[0];
  return name === '$key' || name === '_key';
}
