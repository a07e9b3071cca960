/** What every entry point with queries exports, whatever the platform. */
export * from './base.js';
export * from './queries.js';
