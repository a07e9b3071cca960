export { IndexAdvisor, type AdvisorOptions, type IndexAdvice } from './query/advisor.js';
