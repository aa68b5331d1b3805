/** What protocols count by when they limit strangers: token buckets, and the network address of a connection. */
export { networkAddressOf } from './network-address.ts'
export { type Rate, RateLimiter } from './rate-limit.ts'
