/** What protocols count by when they limit strangers: token buckets, the network address of a connection, and what is told of many refusals. */
export { Counted, type Times } from './counted.ts'
export { networkAddressOf } from './network-address.ts'
export { type Rate, RateLimiter } from './rate-limit.ts'
