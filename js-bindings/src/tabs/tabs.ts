/** What a client loads once another tab uses its store. */
export { Follower } from './follower.js';
export { Leader } from './leader.js';
